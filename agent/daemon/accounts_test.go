package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	a := newAccounts(d, time.Now, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

func known(role string, life time.Duration) (*safelightv1.ResolveAccountResponse, error) {
	return &safelightv1.ResolveAccountResponse{Known: true, Role: role, Year: "9", Expires: timestamppb.New(time.Now().Add(life))}, nil
}

func TestAnUnknownAccountIsJudgedByThePupilsScopeUntilTheAnswerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) { return known("staff", time.Hour) }}
		a := run(t, d)
		if role, _ := a.Role("demo.teacher"); role != "pupil" {
			t.Errorf("before the answer judged as %q, want pupil", role)
		}
		synctest.Wait()
		if role, year := a.Role("demo.teacher"); role != "staff" || year != "9" {
			t.Errorf("after the answer judged as %q of year %q", role, year)
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
		a.Role("demo.teacher")
		synctest.Wait()
		away = true
		time.Sleep(2 * time.Hour) // the bubble's clock
		a.Role("demo.teacher")
		synctest.Wait()
		if role, _ := a.Role("demo.teacher"); role != "staff" {
			t.Errorf("judged as %q, want the last answer", role)
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
			a.Role("guest")
			synctest.Wait()
		}
		if d.asked != 1 {
			t.Errorf("asked %d times, want once", d.asked)
		}
		time.Sleep(unknownLife + time.Second) // the bubble's clock
		a.Role("guest")
		synctest.Wait()
		if d.asked != 2 {
			t.Errorf("asked %d times after %s, want again", d.asked, unknownLife)
		}
	})
}

func TestNobodySignedInIsNotAskedFor(t *testing.T) {
	a := newAccounts(&directory{}, time.Now, slog.New(slog.DiscardHandler))
	if role, _ := a.Role(""); role != "pupil" || len(a.ask) != 0 {
		t.Errorf("judged as %q with %d questions waiting", role, len(a.ask))
	}
}

func TestALogFullOfMadeUpAccountsFillsNoMemory(t *testing.T) {
	d := &directory{answer: func(string) (*safelightv1.ResolveAccountResponse, error) {
		return &safelightv1.ResolveAccountResponse{}, nil
	}}
	a := newAccounts(d, time.Now, slog.New(slog.DiscardHandler))
	for i := range 3 * maxAccounts {
		a.resolve(t.Context(), fmt.Sprint("made-up-", i))
	}
	if n := len(a.known); n == 0 || n > maxAccounts {
		t.Errorf("%d accounts are remembered, want at most %d", n, maxAccounts)
	}
}
