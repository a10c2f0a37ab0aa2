package server

import (
	"context"
	"crypto"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/collector/watch"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// TestG19EveryLaptopOfAnImageThatHadEnrolledBecomesADeviceOfItsOwn: three hundred with
// one identity call a second apart, in any order, of which the collector serves four at a
// time. None is left out, though no more than a hundred may an hour, it is over well
// within a day of school, and IT has one line.
func TestG19EveryLaptopOfAnImageThatHadEnrolledBecomesADeviceOfItsOwn(t *testing.T) {
	laptops := 300
	if testing.Short() {
		laptops = 40
	}
	var passed atomic.Int64 // seconds
	began := time.Now()
	h := newHouseAt(t, func() time.Time { return began.Add(time.Duration(passed.Load()) * time.Second) })
	image := h.enrolled()
	if _, err := h.parts.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`); err != nil {
		t.Fatal(err)
	}
	own, keys := map[int]string{}, make([]crypto.Signer, laptops) // each keeps the key that it made
	for i := range keys {
		var err error
		if keys[i], err = pki.NewKey(); err != nil {
			t.Fatal(err)
		}
	}
	order := rand.New(rand.NewPCG(1, 2))
	for len(own) < laptops-1 {
		if passed.Load() > int64(5*time.Hour/time.Second) {
			t.Fatalf("%d of %d laptops became devices of their own in five hours", len(own), laptops-1)
		}
		for _, i := range order.Perm(laptops) {
			if own[i] != "" {
				continue
			}
			if id := h.calls(image, fmt.Sprint("laptop ", i), keys[i]); id != "" {
				own[i] = id
			}
			passed.Add(1)
		}
		passed.Add(int64(20 * time.Minute / time.Second))
	}
	ids := slices.Sorted(maps.Values(own))
	if len(slices.Compact(ids)) != laptops-1 {
		t.Errorf("some share a device: %d of their own, want %d", len(slices.Compact(ids)), laptops-1)
	}
	devices, err := h.parts.store.Devices(t.Context(), schoolID)
	if err != nil || len(devices) != laptops {
		t.Errorf("%d devices, %v; want %d", len(devices), err, laptops)
	}
	ledger, err := h.parts.fleet.Ledger(t.Context())
	held := 0 // and one that copies had to wait, where they had
	if laptops > model.SplitsAnHour {
		held = 1
	}
	if err != nil || len(ledger.Notes) != 1+held || !strings.Contains(ledger.Notes[0].Text, fmt.Sprint(laptops-1, " copies")) || ledger.Notes[0].Unproves || ledger.Notes[held].Unproves {
		t.Errorf("IT reads %+v, %v", ledger.Notes, err)
	}
	events, err := h.parts.store.Health(t.Context(), schoolID, time.Time{})
	events = slices.DeleteFunc(events, func(e model.Health) bool { return e.Topic == model.HealthSplitsHeld && held > 0 })
	if err != nil || len(events) != 1 || events[0].Topic != model.HealthCopied || !strings.Contains(events[0].Detail, fmt.Sprint(laptops-1)) {
		t.Errorf("%d health events, want one: %+v, %v", len(events), events, err)
	}
}

// calls opens a stream of a copy, which stays open until the collector or the test ends
// it, and becomes a device of its own if it is told to; it returns the id of the device that the copy became.
func (h *house) calls(image *tls.Config, instance string, key crypto.Signer) (id string) {
	h.t.Helper()
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatalf("%s: %v", instance, err)
		}
	}
	conn := h.dial(image)
	h.t.Cleanup(func() { _ = conn.Close() }) // it may be by then
	stream, err := safelightv1.NewAgentServiceClient(conn).Watch(h.t.Context())
	must(err)
	able := &safelightv1.Hello{Version: "test", Protocol: 1, Capabilities: []string{"split"}}
	must(stream.Send(&safelightv1.AgentStatus{Hello: able, Instance: []byte(instance)}))
	_, err = stream.Recv()
	must(err)
	csr, err := pki.NewCSR(key)
	must(err)
	resp, err := safelightv1.NewEnrolmentServiceClient(conn).Split(h.t.Context(), &safelightv1.SplitRequest{
		CsrDer: csr, Instance: []byte(instance), Device: &safelightv1.DeviceInfo{Hostname: instance},
	})
	if code := status.Code(err); code == codes.PermissionDenied || code == codes.ResourceExhausted { // it was not told to yet, or is to wait
		return ""
	}
	must(err)
	must(conn.Close())
	return resp.GetDeviceId()
}

// TestCopiesThatComeAllAtOnceDoNotEndEachOther: if each newcomer ended another, none of
// an image's laptops would ever be served for long enough to become a device of its own.
func TestCopiesThatComeAllAtOnceDoNotEndEachOther(t *testing.T) {
	var passed atomic.Int64
	began := time.Now()
	h := newHouseAt(t, func() time.Time { return began.Add(time.Duration(passed.Load())) })
	image := h.enrolled()
	call := func() (*grpc.ClientConn, watching, error) {
		conn := h.dial(image)
		t.Cleanup(func() { _ = conn.Close() })
		_, watch, err := h.streams(t.Context(), conn)
		return conn, watch, err
	}
	served := func(conn *grpc.ClientConn) error {
		_, err := safelightv1.NewAgentServiceClient(conn).ResolveAccount(t.Context(), &safelightv1.ResolveAccountRequest{Account: "pupil14"})
		return err
	}
	first, stream, err := call()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := call(); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 * agentLimits.perDevice { // past the bound of connections too
		if _, _, err := call(); err == nil {
			t.Fatalf("newcomer %d was served at once", n)
		}
	}
	if err := served(first); err != nil {
		t.Errorf("newcomers ended one that had just come: %v", err)
	}
	passed.Store(int64(enrol.Stay))
	if _, _, err := call(); err != nil {
		t.Errorf("a newcomer after a while: %v", err)
	}
	for err = nil; err == nil; { // what it was sent before it ended
		_, err = stream.Recv()
	}
}

// TestLaptopsOfAnImageThatOnlyHadAKeyDoNotEndEachOthersConnections: they enrolled each
// for itself, and have that key between them.
func TestLaptopsOfAnImageThatOnlyHadAKeyDoNotEndEachOthersConnections(t *testing.T) {
	h := newHouse(t)
	if _, err := h.parts.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`); err != nil {
		t.Fatal(err)
	}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	var open []watching
	n := agentLimits.perDevice + 8
	for range n {
		conn := h.dial(h.enrolledWith(key))
		defer conn.Close()
		_, watch, err := h.streams(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, watch)
	}
	for i, stream := range open {
		if err := stream.Send(&safelightv1.AgentStatus{Results: nil}); err != nil {
			t.Errorf("the stream of laptop %d has ended: %v", i, err)
		}
	}
	if all := h.at.counted().all; all != n {
		t.Errorf("%d connections are open, want %d", all, n)
	}
	ledger, err := h.parts.fleet.Ledger(t.Context())
	if err != nil || len(ledger.Notes) != 1 || !strings.HasPrefix(ledger.Notes[0].Text, fmt.Sprint(n, " enrolled devices have one key between them")) {
		t.Errorf("IT reads %+v, %v", ledger.Notes, err)
	}
}

// copyOf is an agent that is connected, of several with one identity.
type copyOf struct {
	h        *house
	instance string
	stream   safelightv1.AgentService_WatchClient
}

func (h *house) connects(image *tls.Config, instance string) *copyOf {
	h.t.Helper()
	conn := h.dial(image)
	h.t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute) // or a directive that never comes is waited for
	h.t.Cleanup(cancel)
	stream, err := safelightv1.NewAgentServiceClient(conn).Watch(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	c := &copyOf{h, instance, stream}
	c.beats(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{Version: "test", Protocol: 1, Capabilities: []string{"split"}}, Instance: []byte(instance)})
	if _, err := stream.Recv(); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (c *copyOf) beats(st *safelightv1.AgentStatus) {
	c.h.t.Helper()
	if err := c.stream.Send(st); err != nil {
		c.h.t.Fatal(err)
	}
}

// isTold waits until it is told to split.
func (c *copyOf) isTold() {
	c.h.t.Helper()
	for {
		d, err := c.stream.Recv()
		if err != nil {
			c.h.t.Fatalf("%s is not told to split: %v", c.instance, err)
		}
		if d.GetCommand().GetName() == "split" {
			return
		}
	}
}

// TestACopyThatCouldNotSplitIsToldAgainAndACollectorThatWasStartedAgainCountsItOnce: what
// it asked for may have been held, or its answer lost.
func TestACopyThatCouldNotSplitIsToldAgainAndACollectorThatWasStartedAgainCountsItOnce(t *testing.T) {
	var passed atomic.Int64
	began := time.Now()
	h := newHouseAt(t, func() time.Time { return began.Add(time.Duration(passed.Load())) })
	image := h.enrolled()
	first := h.connects(image, "first")
	passed.Add(int64(time.Second))
	second := h.connects(image, "second")
	passed.Add(int64(10 * time.Second))
	first.beats(&safelightv1.AgentStatus{})
	second.isTold()
	passed.Add(int64(6 * time.Minute))
	second.beats(&safelightv1.AgentStatus{})
	second.isTold()

	before := h.parts.copies.Copied(h.parts.now())
	again := watch.NewCopies(schoolID, h.parts.store, h.parts.now, slog.New(slog.DiscardHandler))
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := again.Copied(h.parts.now())
	if len(before) != 1 || !maps.EqualFunc(before, after, func(x, y model.Copied) bool {
		return x.Noticed == 1 && x.Waiting == 1 && x.First.Equal(y.First) && x.Noticed == y.Noticed && x.Own == y.Own && x.Waiting == y.Waiting
	}) {
		t.Errorf("it says %+v after it was started again, %+v before", after, before)
	}
}
