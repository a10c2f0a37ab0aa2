package watch_test

import (
	"sync"
	"testing"

	safelightv1 "safelight/proto/safelight/v1"
)

// checkpointStream opens a stream of a device that keeps checkpoints and takes
// the hello and the trust off it.
func checkpointStream(t *testing.T, c safelightv1.AgentServiceClient, hello *safelightv1.AgentStatus) safelightv1.AgentService_WatchClient {
	t.Helper()
	stream, err := c.Watch(t.Context())
	must(t, err)
	must(t, stream.Send(hello))
	for range 2 {
		_, err := stream.Recv()
		must(t, err)
	}
	return stream
}

func able(held string) *safelightv1.AgentStatus {
	return &safelightv1.AgentStatus{Hello: &safelightv1.Hello{Protocol: 1, Capabilities: []string{"audit-checkpoint"}}, AuditCheckpoint: []byte(held)}
}

// checkpointRooms announce what is in the channel's place, and take every
// heartbeat's end.
func checkpointRooms(announced *string, agrees bool) (*rooms, chan string) {
	held := make(chan string, 10)
	return &rooms{
		signed: func() *safelightv1.SignedManifest { return nil },
		status: func(string, *safelightv1.AgentStatus) {}, gone: func(string) {},
		announced: func() []byte { return []byte(*announced) },
		held:      func(_ string, note []byte) bool { held <- string(note); return agrees },
	}, held
}

func TestACheckpointIsSentOnceAndEachThatIsHeldIsComparedOnce(t *testing.T) {
	var mu sync.Mutex // guards note
	note := "first"
	r, held := checkpointRooms(&note, true)
	r.announced = func() []byte { mu.Lock(); defer mu.Unlock(); return []byte(note) }
	c, svc := serve(t, r, true, quiet)
	stream := checkpointStream(t, c, able("older"))
	if d, err := stream.Recv(); err != nil || string(d.GetCheckpoint().GetNote()) != "first" {
		t.Fatalf("got %v, %v", d, err)
	}
	for _, h := range []string{"older", "first", "first", "second"} {
		must(t, stream.Send(&safelightv1.AgentStatus{AuditCheckpoint: []byte(h)}))
	}
	for _, want := range []string{"older", "first", "second"} {
		if got := <-held; got != want {
			t.Errorf("compared %q, want %q", got, want)
		}
	}
	mu.Lock()
	note = "second"
	mu.Unlock()
	svc.CheckpointAnnounced()
	if d, err := stream.Recv(); err != nil || string(d.GetCheckpoint().GetNote()) != "second" {
		t.Errorf("after an announcement: %v, %v", d, err)
	}
	must(t, stream.CloseSend())
	if d, err := stream.Recv(); err == nil {
		t.Errorf("sent again: %v", d)
	}
}

// What a device holds against the record is evidence; a larger checkpoint would
// take its place.
func TestADeviceThatDisagreesIsSentNoOtherCheckpoint(t *testing.T) {
	note := "newer"
	r, held := checkpointRooms(&note, false)
	c, _ := serve(t, r, true, quiet)
	stream := checkpointStream(t, c, able("evidence"))
	for _, h := range []string{"other", "lies"} { // compared no more: a liar fills no log
		must(t, stream.Send(&safelightv1.AgentStatus{AuditCheckpoint: []byte(h)}))
	}
	must(t, stream.CloseSend())
	if d, err := stream.Recv(); err == nil {
		t.Errorf("it was sent %v", d)
	}
	if <-held != "evidence" || len(held) > 0 {
		t.Error("compared more than once")
	}
}

func TestADeviceThatCannotKeepCheckpointsIsSentNone(t *testing.T) {
	note := "first"
	r, _ := checkpointRooms(&note, true)
	c, _ := serve(t, r, true, quiet)
	stream := checkpointStream(t, c, &safelightv1.AgentStatus{Hello: &safelightv1.Hello{Protocol: 1}})
	must(t, stream.CloseSend())
	if d, err := stream.Recv(); err == nil {
		t.Errorf("it was sent %v", d)
	}
}
