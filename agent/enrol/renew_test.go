package enrol_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"safelight/agent/enrol"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

const day = 24 * time.Hour

// failing answers every Renew with an error, and says when it was asked.
type failing struct {
	safelightv1.EnrolmentServiceClient
	mu    sync.Mutex // guards asked
	asked []time.Time
	err   error
}

func (f *failing) Renew(context.Context, *safelightv1.RenewRequest, ...grpc.CallOption) (*safelightv1.RenewResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, time.Now())
	return nil, f.err
}

func (f *failing) times() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// renewer runs one over a client until the test ends.
func renewer(t testing.TB, id *enrol.Identity, dir string, client safelightv1.EnrolmentServiceClient, now func() time.Time, renewed func()) *enrol.Renewer {
	t.Helper()
	r := enrol.NewRenewer(enrol.RenewerParts{
		Identity: id, Dir: dir, Client: client, Now: now, Rand: func() float64 { return 0.5 },
		Renewed: renewed, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-done) })
	return r
}

func TestRenewalIsAskedForAtTwoThirdsAndAgainEverMoreSlowly(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time { return id.Expires().Add(-pki.DeviceLife).Add(time.Since(start)) }
		client := &failing{err: status.Error(codes.Unavailable, "no route")}
		r := renewer(t, id, dir, client, now, func() { t.Error("it was not renewed") })
		time.Sleep(60*day - time.Hour)
		synctest.Wait()
		if n := len(client.times()); n != 0 {
			t.Fatalf("asked %d times before two thirds were over", n)
		}
		time.Sleep(8 * day) // two thirds and the jitter
		synctest.Wait()
		asked := client.times()
		if len(asked) < 10 {
			t.Fatalf("asked %d times", len(asked))
		}
		for i := 1; i < len(asked); i++ {
			if gap := asked[i].Sub(asked[i-1]); gap < 30*time.Second || gap > 2*time.Hour || i > 8 && gap < 30*time.Minute {
				t.Errorf("try %d came %s after the one before", i, gap)
			}
		}
		if st := r.Status(); !strings.Contains(st.LastError, "no answer") || st.EnrolAgain {
			t.Errorf("status %+v", st)
		}
	})
}

func TestACollectorThatSaysNoLeavesAClearStatus(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	for _, x := range []struct {
		after time.Duration
		err   error
		again bool
		says  string
	}{
		{61 * day, status.Error(codes.PermissionDenied, "revoked"), true, "enrol again"},
		{(90 + 366) * day, status.Error(codes.Unavailable, "remote error: tls: bad certificate"), true, "over a year ago"},
		{(90 + 100) * day, status.Error(codes.Unavailable, "remote error: tls: bad certificate"), false, "will be asked again"},
		{(90 + 100) * day, errors.New("disk full"), false, "disk full"},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			now := func() time.Time {
				return id.Expires().Add(-pki.DeviceLife + 10*day + x.after).Add(time.Since(start))
			}
			r := renewer(t, id, dir, &failing{err: x.err}, now, func() {})
			synctest.Wait()
			if st := r.Status(); st.EnrolAgain != x.again || !strings.Contains(st.LastError, x.says) {
				t.Errorf("after %s, %v: status %+v", x.after, x.err, st)
			}
		})
	}
}

// dial is the device's own connection, by its own clock.
func dial(t testing.TB, id *enrol.Identity, addr string, wall func() time.Time) *grpc.ClientConn {
	t.Helper()
	conf, err := id.TLS(wall)
	must(t, err)
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewTLS(conf)))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// renews waits until the device has another certificate.
func renews(t testing.TB, c *collector, id *enrol.Identity, dir string, wall func() time.Time) {
	t.Helper()
	before := id.Expires()
	renewed := make(chan struct{}, 1)
	renewer(t, id, dir, safelightv1.NewEnrolmentServiceClient(dial(t, id, c.addr, wall)), id.Clock().Now, func() { renewed <- struct{}{} })
	select {
	case <-renewed:
	case <-time.After(20 * time.Second):
		t.Fatal("it was not renewed")
	}
	if !id.Expires().After(before) {
		t.Errorf("it ended %s, and now ends %s", before, id.Expires())
	}
	kept, err := enrol.Load(dir)
	must(t, err)
	if !kept.Expires().Equal(id.Expires()) {
		t.Error("what is on disk is not what is in use")
	}
}

func (c *collector) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// works says whom the collector takes the device for, on a new connection.
func works(t testing.TB, c *collector, id *enrol.Identity, wall func() time.Time) error {
	t.Helper()
	resp, err := safelightv1.NewAgentServiceClient(dial(t, id, c.addr, wall)).
		ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "x"})
	if err == nil && resp.GetPseudonym() != id.DeviceID {
		t.Errorf("it is taken for %q", resp.GetPseudonym())
	}
	return err
}

func TestAfterASummerOffTheDeviceRenewsFirstAndThenWorks(t *testing.T) {
	c, dir := newCollector(t), t.TempDir()
	id, err := enrolAt(t, dir, c.token(1), "")
	must(t, err)
	c.pass((90 + 60) * day)
	if status.Code(works(t, c, id, c.now)) != codes.Unauthenticated {
		t.Fatal("an expired certificate is good for more than renewal")
	}
	renews(t, c, id, dir, c.now)
	must(t, works(t, c, id, c.now)) // the same identity, no restart
}

// A flat battery, a hand that set it: the device still connects and renews.
func TestADeviceWhoseClockIsYearsOffStillRenewsAndWorks(t *testing.T) {
	for name, off := range map[string]time.Duration{
		"thirty years behind": -30 * 365 * day, "ten years ahead": 10 * 365 * day, "400 days ahead": 400 * day,
	} {
		t.Run(name, func(t *testing.T) {
			c, dir := newCollector(t), t.TempDir()
			wall := func() time.Time { return c.now().Add(off) }
			id, err := enrol.Enrol(t.Context(), enrol.Request{Dir: dir, Token: c.token(1), Version: "test", Now: wall})
			must(t, err)
			must(t, works(t, c, id, wall))
			must(t, id.Clock().Heard(c.now()))
			if got := id.Clock().Now().Sub(c.now()).Abs(); got > time.Minute {
				t.Errorf("its idea of the time is %s off", got)
			}
			c.pass(70 * day)
			id, err = enrol.Load(dir)
			must(t, err)
			must(t, works(t, c, id, wall))
			renews(t, c, id, dir, wall)
			must(t, works(t, c, id, wall))
		})
	}
}
