package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rollcall-directory/rollcall/internal/directory"
	"github.com/rollcall-directory/rollcall/internal/feed"
)

// feed returns what delivers the events of the directory.
func (c *serveCommand) feed(ctx context.Context, d *directory.Directory, publicURL string, log *slog.Logger) (*feed.Feed, error) {
	return feed.New(ctx, feed.Config{Directory: d, PublicURL: publicURL, Base: baseURLs(publicURL, "", nil)["scim2"], Log: log, Private: c.Receivers})
}

// deliver runs the feed until ctx ends, and returns what ends it and waits for it.
func deliver(ctx context.Context, f *feed.Feed) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

type streamCommand struct {
	Create streamCreate `cmd:"" help:"Make a stream of an environment's changes, polled by its receiver or pushed to it."`
	List   streamList   `cmd:"" help:"List streams and how far their receivers are."`
	Delete streamDelete `cmd:"" help:"End a stream."`
}

// streamView is a stream as --json prints it. It shows no secret.
type streamView struct {
	ID          string    `json:"stream_id"`
	Environment string    `json:"environment_id"`
	Poll        string    `json:"poll_url,omitempty"`
	Client      string    `json:"client_id,omitempty"`
	Endpoint    string    `json:"endpoint,omitempty"`
	Audience    []string  `json:"audience"`
	Types       []string  `json:"types"` // empty: all
	Population  string    `json:"population_id,omitempty"`
	Full        bool      `json:"full"`
	Position    int64     `json:"position"`
	Refused     int       `json:"refused"`
	Problem     string    `json:"problem,omitempty"`
	Created     time.Time `json:"created"`
}

func viewStream(s *directory.Stream, publicURL string) streamView {
	v := streamView{s.ID, s.Environment, "", s.Client, s.Endpoint, append([]string{}, s.Audience...), append([]string{}, s.Types...),
		s.Population, s.Full, s.Position, s.Refused, s.Problem, s.Created}
	if !s.Pushed() {
		v.Poll = feed.PollURL(publicURL, s)
	}
	return v
}

// delivery says in a few words how the events come to the receiver.
func (v streamView) delivery() string {
	if v.Endpoint != "" {
		return "pushed to " + v.Endpoint
	}
	return "polled by " + cmp.Or(v.Client, "administrators")
}

// about says in a few words what the stream tells.
func (v streamView) about() string {
	words := []string{"all"}
	if len(v.Types) > 0 {
		words = []string{strings.Join(v.Types, ",")}
	}
	if v.Population != "" {
		words = append(words, "population="+v.Population)
	}
	if v.Full {
		words = append(words, "full")
	}
	return strings.Join(words, " ")
}

func (v streamView) state() string {
	words := []string{fmt.Sprintf("at %d", v.Position)}
	if v.Refused > 0 {
		words = append(words, fmt.Sprintf("%d refused", v.Refused))
	}
	if v.Problem != "" {
		words = append(words, v.Problem)
	}
	return strings.Join(words, ", ")
}

type streamCreate struct {
	dataFlag
	publicURLFlag
	Environment string   `short:"e" default:"default" help:"Id or name of the environment whose changes it tells (${default})."`
	Client      string   `help:"Id of the client that polls it, beside administrators."`
	Push        string   `placeholder:"URL" help:"Send the events to this https endpoint, instead of letting the receiver poll."`
	TokenFile   string   `placeholder:"FILE" help:"Show the endpoint the bearer token in this file; - is standard input."`
	Audience    []string `help:"Name in the tokens whom they are for; repeat for more. The endpoint or the client if none is named."`
	Type        []string `help:"Tell of this resource type, as User or Group; repeat for more. All if none is named."`
	Population  string   `help:"Tell of the users of this population alone, by its id."`
	Full        bool     `help:"Tell what users are like, not only which attributes have changed."`
	FromStart   bool     `help:"Begin with the oldest change that is known, not with the next one."`
}

func (c *streamCreate) Run(t *terminal) error {
	if c.Push != "" && c.Client != "" {
		return usageError("a stream is pushed or polled: give --push or --client")
	}
	if c.Push == "" && c.TokenFile != "" {
		return usageError("--token-file is for streams that are pushed: add --push URL")
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		e, err := d.FindEnvironment(ctx, c.Environment)
		if err != nil {
			return err
		}
		made, err := d.CreateStream(ctx, e.ID, directory.StreamDraft{Client: c.Client, Endpoint: c.Push, Token: token,
			Audience: c.Audience, Types: c.Type, Population: c.Population, Full: c.Full, FromStart: c.FromStart})
		if err != nil {
			return err
		}
		v := viewStream(made, c.url())
		return t.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "stream       %s\nenvironment  %s (%s)\ndelivery     %s\ntells        %s\n", v.ID, e.ID, e.Name, v.delivery(), v.about())
			if v.Poll != "" {
				fmt.Fprintf(w, "poll at      %s\n", v.Poll)
			}
		})
	})
}

// token reads the secret that the endpoint is shown. It is never an argument:
// everybody on the machine could read it.
func (c *streamCreate) token() (directory.Token, error) {
	var text []byte
	var err error
	switch c.TokenFile {
	case "":
		return "", nil
	case "-":
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 64<<10))
	default:
		text, err = os.ReadFile(c.TokenFile)
	}
	text = bytes.TrimSpace(text)
	if err == nil && (len(text) == 0 || bytes.ContainsAny(text, " \t\r\n")) {
		return "", usageError(fmt.Sprintf("there is no token in %s: one line with nothing else is wanted", c.TokenFile))
	}
	return directory.Token(text), err
}

type streamList struct {
	dataFlag
	publicURLFlag
	Environment string `short:"e" help:"Only of this environment: its id or name."`
}

func (c *streamList) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		id := ""
		if c.Environment != "" {
			e, err := d.FindEnvironment(ctx, c.Environment)
			if err != nil {
				return err
			}
			id = e.ID
		}
		streams, err := d.Streams(ctx, id)
		if err != nil {
			return err
		}
		view := func(s *directory.Stream) streamView { return viewStream(s, c.url()) }
		return printTable(t, streams, view, "ID\tDELIVERY\tTELLS\tSTATE\tENVIRONMENT", func(v streamView) string {
			return strings.Join([]string{v.ID, v.delivery(), v.about(), v.state(), v.Environment}, "\t")
		})
	})
}

type streamDelete struct {
	dataFlag
	Stream string `arg:"" help:"Its id."`
}

func (c *streamDelete) Run(t *terminal) error {
	return c.use(func(ctx context.Context, d *directory.Directory) error {
		if err := d.DeleteStream(ctx, c.Stream); err != nil {
			return err
		}
		return t.say(map[string]string{"deleted": c.Stream}, "deleted stream %s\n", c.Stream)
	})
}
