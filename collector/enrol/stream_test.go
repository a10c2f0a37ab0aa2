package enrol_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"safelight/collector/enrol"
	safelightv1 "safelight/proto/safelight/v1"
)

// TestADevicesOldestStreamMakesRoomForItsNewest: each on a connection of its own,
// as a bad network leaves them behind.
func TestADevicesOldestStreamMakesRoomForItsNewest(t *testing.T) {
	h := newHouse(t)
	d, other := h.enrolled(), h.enrolled()
	theirs := other.watch()
	var open []safelightv1.AgentService_WatchClient
	for range 4 {
		open = append(open, d.watch())
	}
	// Copies of one device would be for ever ending each other.
	hasty, err := safelightv1.NewAgentServiceClient(d.connect()).Watch(t.Context())
	must(t, err)
	_, err = hasty.Recv()
	wantStatus(t, err, codes.ResourceExhausted, "try again")
	for range 3 {
		h.clock.pass(enrol.Stay)
		open = append(open, d.watch())
		_, err := open[0].Recv()
		wantStatus(t, err, codes.Unavailable)
		<-h.ended // its handler too
		open = open[1:]
	}
	for _, stream := range append(open, theirs) {
		must(t, stream.Send(&safelightv1.AgentStatus{}))
	}
	_, err = d.resolve()
	must(t, err)
	select {
	case err := <-h.ended:
		t.Errorf("one of the newest ended, or another's: %v", err)
	default:
	}
}
