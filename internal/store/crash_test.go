//go:build unix

package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rollcall-directory/rollcall/internal/store"
	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

// The tests of this file run the test binary again as another process, which
// does what the variable says to the database at the path.
const (
	childTask = "STORE_TEST_TASK"
	childPath = "STORE_TEST_PATH"
	childName = "STORE_TEST_NAME"
)

func TestMain(m *testing.M) {
	tasks := map[string]func(*store.DB) error{"create": createForEver, "fill": fillDisk}
	task, ok := tasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	db, err := store.Open(context.Background(), store.Config{Path: os.Getenv(childPath), WALLimit: 1 << 20})
	if err == nil {
		err = task(db)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(t *testing.T, task, path, name string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path, childName+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// createForEver creates users from 8 goroutines, each with all that belongs to
// it, and prints the id of each that is acknowledged.
func createForEver(db *store.DB) error {
	var tenant *store.Tenant
	var group *store.Row
	err := db.View(context.Background(), func(tx *store.Tx) (err error) {
		if tenant, err = tx.Tenant("env"); err == nil {
			group, err = tx.ByID(tenant.TID, store.Group, "g-1")
		}
		return err
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprint(os.Getenv(childName), "-", worker, "-", i)
				row, attrs := storetest.NewUser(tenant.TID, id, id)
				err := db.Update(context.Background(), func(tx *store.Tx) error {
					if err := tx.Insert(row, attrs); err != nil {
						return err
					}
					_, err := tx.AddMembers(group.TID, group.RID, row.RID)
					return errors.Join(err,
						tx.SetCredential(&store.Credential{TID: row.TID, RID: row.RID, Hash: "hash", Changed: start}),
						tx.AppendChange(&store.Change{TID: tenant.TID, At: start, Op: store.OpCreate, Type: store.User, ID: id, Version: 1}),
						tx.AppendAudit(&store.Audit{TID: tenant.TID, At: start, ID: id}))
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(id)
			}
		})
	}
	wg.Wait()
	return nil
}

// TestKill kills a process that creates users, again and again. Whatever it
// acknowledged is there, and every user is whole or absent.
func TestKill(t *testing.T) {
	const rounds = 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "rollcall.db")
	open := func() *store.DB {
		db, err := store.Open(context.Background(), store.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	tid := storetest.MustTenant(t, db, "env")
	group, attrs := storetest.NewGroup(tid, "g-1", "Users")
	storetest.MustUpdate(t, db, func(tx *store.Tx) error { return tx.Insert(group, attrs) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	for round := range rounds {
		cmd := child(t, "create", path, fmt.Sprint("r", round))
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := random.IntN(100)
		lines := bufio.NewScanner(stdout)
		for n := 0; lines.Scan(); n++ {
			if n == last {
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
			acknowledged = append(acknowledged, lines.Text())
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the process ended by itself: %v", err)
		}
		db := open()
		storetest.MustCheck(t, db)
		storetest.MustView(t, db, func(tx *store.Tx) error { return checkWhole(t, tx, tid, group.RID, acknowledged) })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d acknowledged", len(acknowledged))
}

func checkWhole(t *testing.T, tx *store.Tx, tid, gid int64, acknowledged []string) error {
	for _, id := range acknowledged {
		if _, err := tx.ByID(tid, store.User, id); err != nil {
			t.Errorf("%s was acknowledged: %v", id, err)
		}
	}
	page, err1 := tx.Select(store.Query{TID: tid, Type: store.User, Count: 1 << 20})
	if err1 != nil {
		return err1
	}
	users, total := page.Rows, page.Total
	changes, err2 := tx.Changes(tid, 0, 1<<20)
	audits, err3 := tx.Audits(tid, 0, 1<<20)
	members, err4 := tx.MemberRIDs(tid, gid)
	if len(users) != total || len(changes) != total || len(audits) != total || len(members) != total {
		t.Errorf("%d users (%d counted), %d changes, %d audit rows, %d members", len(users), total, len(changes), len(audits), len(members))
	}
	for i, u := range users {
		if i < len(changes) && changes[i].ID != u.ID || i < len(members) && members[i] != u.RID || !u.HasPassword {
			t.Errorf("%s is not whole", u.ID)
		}
	}
	return errors.Join(err2, err3, err4)
}

// fillDisk writes until the disk is full, which a limit on the size of files
// stands for, and goes on when there is room again.
func fillDisk(db *store.DB) error {
	write := func(name string) error {
		return db.Update(context.Background(), func(tx *store.Tx) error {
			return tx.SetSetting(name, []byte(strings.Repeat(name, 10_000)))
		})
	}
	if err := write("before"); err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	low := limit
	low.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		return err
	}
	var failed string
	var stored []string
	for i := 0; failed == ""; i++ {
		name := fmt.Sprint("value-", i)
		switch err := write(name); {
		case errors.Is(err, store.ErrUnavailable):
			failed = name
		case err != nil:
			return fmt.Errorf("disk full: %w", err)
		case i > 1000:
			return errors.New("the disk is never full")
		default:
			stored = append(stored, name)
		}
	}
	const again = "again, and no shorter" // what is shorter may still fit
	if err := write(again); !errors.Is(err, store.ErrUnavailable) {
		return fmt.Errorf("still full: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := write("after"); err != nil {
		return fmt.Errorf("room again: %w", err)
	}
	err := db.View(context.Background(), func(tx *store.Tx) error {
		for _, name := range append(stored, "before", "after") {
			if value, err := tx.Setting(name); err != nil || string(value) != strings.Repeat(name, 10_000) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		for _, name := range []string{failed, again} {
			if _, err := tx.Setting(name); !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("%s was refused: %w", name, err)
			}
		}
		return tx.Check()
	})
	return errors.Join(err, db.Close())
}

// TestDiskFullAtCommit makes the commit itself fail, when the log cannot grow.
func TestDiskFullAtCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if err := child(t, "fill", path, "").Run(); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(context.Background(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.MustView(t, db, func(tx *store.Tx) error { _, err := tx.Setting("after"); return err })
	storetest.MustCheck(t, db)
}
