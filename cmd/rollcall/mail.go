package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/mail"
	"github.com/rollcall-directory/rollcall/internal/scim1"
)

// mailFlags say where mail to users is handed over: invitations, links to set a
// password, reminders.
type mailFlags struct {
	SMTP         string `name:"smtp" placeholder:"HOST:PORT" env:"ROLLCALL_SMTP" help:"Hand mail to users over to this server. Without it none is sent."`
	SMTPFrom     string `name:"smtp-from" placeholder:"ADDRESS" env:"ROLLCALL_SMTP_FROM" help:"The sender of the mail, as rollcall@example.com."`
	SMTPSecurity string `name:"smtp-security" enum:"starttls,tls,plain" default:"starttls" env:"ROLLCALL_SMTP_SECURITY" help:"How the connection is protected: starttls, tls from its beginning, or plain for a relay on this machine (${default})."`
	SMTPUser     string `name:"smtp-user" placeholder:"NAME" env:"ROLLCALL_SMTP_USER" help:"The name to log in with."`
	SMTPPassword string `name:"smtp-password-file" placeholder:"FILE" type:"path" env:"ROLLCALL_SMTP_PASSWORD_FILE" help:"The file that holds the password to log in with."`
	SMTPCA       string `name:"smtp-ca" placeholder:"FILE" type:"path" env:"ROLLCALL_SMTP_CA" help:"Certificates (PEM) of who vouches for the server (those of the machine)."`
}

// sender returns what sends mail, nil if none is to be sent.
func (f *mailFlags) sender(log *slog.Logger) (*mail.Sender, error) {
	if f.SMTP == "" {
		if f.SMTPFrom+f.SMTPUser+f.SMTPPassword+f.SMTPCA != "" {
			return nil, usageError("there are --smtp- flags and no server to send to: name it with --smtp HOST:PORT")
		}
		return nil, nil
	}
	if f.SMTPFrom == "" {
		return nil, usageError("--smtp needs the sender of the mail: give --smtp-from ADDRESS")
	}
	if (f.SMTPUser == "") != (f.SMTPPassword == "") {
		return nil, usageError("--smtp-user and --smtp-password-file go together: give both or none")
	}
	cfg := mail.Config{Address: f.SMTP, Security: mail.Security(f.SMTPSecurity), Username: f.SMTPUser, From: f.SMTPFrom, Log: log}
	if f.SMTPPassword != "" {
		text, err := os.ReadFile(f.SMTPPassword)
		if err != nil {
			return nil, fmt.Errorf("--smtp-password-file: %w", err)
		}
		cfg.Password = strings.TrimRight(string(text), "\r\n")
	}
	if f.SMTPCA != "" {
		text, err := os.ReadFile(f.SMTPCA)
		if err != nil {
			return nil, fmt.Errorf("--smtp-ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, usageError(fmt.Sprintf("--smtp-ca %s holds no certificate: give a PEM file", f.SMTPCA))
		}
	}
	s, err := mail.New(cfg)
	if err != nil {
		return nil, usageError(err.Error())
	}
	return s, nil
}

// remind mails those whose password has to be changed soon, now and every hour.
// Every node does: see directory.Reminders for who sends which.
// The function that it returns stops that and waits for it.
func remind(ctx context.Context, d *directory.Directory, to scim1.Mailer, log *slog.Logger) func() {
	now := func() {
		if err := scim1.Remind(ctx, d, to); err != nil && ctx.Err() == nil {
			log.Error("reminders of passwords not sent", "error", err)
		}
	}
	now()
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(time.Hour)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				now()
			case <-stop:
				return
			}
		}
	})
	return func() { close(stop); done.Wait() }
}
