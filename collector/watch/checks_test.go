package watch_test

import (
	"sync"
	"testing"
	"time"

	"safelight/collector/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

// wanted is a request that a test changes.
type wanted struct {
	mu sync.Mutex // guards id
	id string
}

func (w *wanted) set(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id = id
}

func (w *wanted) Wanted(string) (string, time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.id, 90 * time.Second, w.id != ""
}

// toCheck opens a stream of a device that can do so much, and takes the hello and
// the trust off it.
func toCheck(t *testing.T, w *wanted, caps ...string) (safelightv1.AgentService_WatchClient, *watch.Service) {
	t.Helper()
	client, svc := served(t, func(p *watch.Parts) { p.Checks = w })
	stream, err := client.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(&safelightv1.AgentStatus{Hello: &safelightv1.Hello{Protocol: 1, Capabilities: caps}}))
	for range 2 {
		_, err := stream.Recv()
		must(t, err)
	}
	return stream, svc
}

func TestADeviceIsAskedForACheckOnceARequest(t *testing.T) {
	w := &wanted{id: "first"}
	stream, svc := toCheck(t, w, "selfcheck")
	next := func(id string) {
		t.Helper()
		d, err := stream.Recv()
		must(t, err)
		c := d.GetCommand()
		if c.GetName() != "selfcheck" || c.GetArgs()["id"] != id || c.GetArgs()["within_seconds"] != "90" {
			t.Errorf("told %v, want a check for %s", d, id)
		}
	}
	next("first")
	svc.ChecksRequested() // nothing new
	must(t, stream.Send(&safelightv1.AgentStatus{}))
	w.set("second")
	svc.ChecksRequested()
	next("second")
}

func TestADeviceThatCannotCheckItselfIsNotAsked(t *testing.T) {
	stream, svc := toCheck(t, &wanted{id: "first"}, "policy")
	svc.ChecksRequested()
	must(t, stream.Send(&safelightv1.AgentStatus{}))
	must(t, stream.CloseSend())
	if d, err := stream.Recv(); err == nil {
		t.Errorf("an old agent was told %v", d)
	}
}
