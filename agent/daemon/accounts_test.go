package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	safelightv1 "safelight/proto/safelight/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory answers ResolveAccount; nothing else is expected.
type directory struct {
	safelightv1.AgentServiceClient
	answer func(account string) (*safelightv1.ResolveAccountResponse, error)
	asked  int
}

func (d *directory) ResolveAccount(_ context.Context, req *safelightv1.ResolveAccountRequest, _ ...grpc.CallOption) (*safelightv1.ResolveAccountResponse, error) {
	d.asked++
	return d.answer(req.GetAccount())
}

func run(t *testing.T, d *directory) *accounts {
	t.Helper()
	a := newAccounts(d, nil, time.Now, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func known(role string, life time.Duration) (*safelightv1.ResolveAccountResponse, error) {
	return &safelightv1.ResolveAccountResponse{Known: true, Role: role, Year: "9", Groups: []string{"10b"}, Site: "manor", Expires: timestamppb.New(time.Now().Add(life))}, nil
}

func TestAnUnknownAccountIsJudgedByThePupilsScopeUntilTheAnswerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) { return known("staff", time.Hour) }}
		a := run(t, d)
		if who := a.Who("demo.teacher"); who.Role != "" {
			t.Errorf("before the answer judged as %q, want nobody known, which is the pupil's scope", who.Role)
		}
		synctest.Wait()
		if who := a.Who("Demo.Teacher "); who.Role != "staff" || who.Year != "9" || len(who.Groups) != 1 || who.Site != "manor" {
			t.Errorf("after the answer judged as %+v", who)
		}
	})
}

func TestAnExpiredAnswerStillJudgesWhileTheCollectorIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := false
		d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) {
			if away {
				return nil, errors.New("away")
			}
			return known("staff", time.Hour)
		}}
		a := run(t, d)
		a.Who("demo.teacher")
		synctest.Wait()
		away = true
		time.Sleep(2 * time.Hour) // the bubble's clock
		a.Who("demo.teacher")
		synctest.Wait()
		if who := a.Who("demo.teacher"); who.Role != "staff" {
			t.Errorf("judged as %q, want the last answer", who.Role)
		}
	})
}

func TestTheCollectorIsNotAskedAgainForEveryVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) {
			return &safelightv1.ResolveAccountResponse{}, nil // not known
		}}
		a := run(t, d)
		for range 100 {
			a.Who("guest")
			synctest.Wait()
		}
		if d.asked != 1 {
			t.Errorf("asked %d times, want once", d.asked)
		}
		time.Sleep(unknownLife + time.Second) // the bubble's clock
		a.Who("guest")
		synctest.Wait()
		if d.asked != 2 {
			t.Errorf("asked %d times after %s, want again", d.asked, unknownLife)
		}
	})
}

func TestNobodySignedInIsNotAskedFor(t *testing.T) {
	a := newAccounts(&directory{}, nil, time.Now, slog.New(slog.DiscardHandler))
	if who := a.Who(""); who.Role != "" || len(a.ask) != 0 {
		t.Errorf("judged as %q with %d questions waiting", who.Role, len(a.ask))
	}
}

func TestALogFullOfMadeUpAccountsFillsNoMemory(t *testing.T) {
	d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) {
		return &safelightv1.ResolveAccountResponse{}, nil
	}}
	a := newAccounts(d, nil, time.Now, slog.New(slog.DiscardHandler))
	for i := range 3 * maxAccounts {
		a.resolve(t.Context(), fmt.Sprint("made-up-", i))
	}
	if n := len(a.known); n == 0 || n > maxAccounts {
		t.Errorf("%d accounts are remembered, want at most %d", n, maxAccounts)
	}
}

// Staff who are at home for the summer are not judged as pupils after a restart (G9).
func TestG09WhatIsKnownOfAccountsOutlivesARestartAndNotForEver(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		file := func() *accountsFile {
			f, err := openAccountsFile(dir, "device-1")
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		d := &directory{answer: func(account string) (*safelightv1.ResolveAccountResponse, error) {
			if account == "guest" {
				return &safelightv1.ResolveAccountResponse{}, nil
			}
			return known("staff", time.Hour)
		}}
		a := newAccounts(d, file(), time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.run(ctx) }()
		a.Who("demo.teacher")
		a.Who("guest")
		synctest.Wait()
		cancel()
		<-done
		away := func() *accounts { return newAccounts(&directory{}, file(), time.Now, slog.New(slog.DiscardHandler)) }
		time.Sleep(expiredLife) // the bubble's clock
		again := away()
		if who := again.Who("demo.teacher"); who.Role != "staff" || who.Site != "manor" || len(again.known) != 1 {
			t.Errorf("after a restart judged as %+v, of %d accounts", who, len(again.known))
		}
		time.Sleep(time.Hour + time.Second)
		if who := again.Who("demo.teacher"); who.Role != "" {
			t.Errorf("after %s away judged as %+v", expiredLife, who)
		}
		if who := away().Who("demo.teacher"); who.Role != "" {
			t.Errorf("after %s away and a restart judged as %+v", expiredLife, who)
		}
	})
	sealed, err := os.ReadFile(filepath.Join(dir, "accounts.sealed"))
	if err != nil || bytes.Contains(sealed, []byte("teacher")) || bytes.Contains(sealed, []byte("staff")) {
		t.Errorf("on disk: %q, %v", sealed, err)
	}
	other, err := openAccountsFile(dir, "device-2") // a copy that became one of its own
	if err != nil {
		t.Fatal(err)
	}
	if known, err := other.load(); err == nil || len(known) != 0 {
		t.Errorf("another device reads %v", known)
	}
}
