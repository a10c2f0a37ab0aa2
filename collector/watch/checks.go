package watch

import (
	"strconv"
	"time"

	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// capSelfcheck is the capability of checking itself when asked.
	capSelfcheck = "selfcheck"
	// selfcheckCommand asks a device to check itself: id names the request,
	// within_seconds is over how long the school's devices are spread.
	selfcheckCommand = "selfcheck"
)

// Checks knows which devices are to check themselves.
type Checks interface {
	Wanted(device string) (request string, within time.Duration, ok bool)
}

// ChecksRequested has every open stream look whether its device is to check
// itself.
func (s *Service) ChecksRequested() { s.wake() }

// checks is what a stream has asked its device.
type checks struct {
	able  bool
	asked string // the request's id
}

// sendCheck asks for a check once per stream and request. The device knows a
// request that it has answered.
func (w *watcher) sendCheck() error {
	if !w.checks.able || w.service.checks == nil {
		return nil
	}
	id, within, ok := w.service.checks.Wanted(w.device)
	if !ok || id == w.checks.asked {
		return nil
	}
	w.checks.asked = id
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Command{Command: &safelightv1.Command{
		Name: selfcheckCommand, Args: map[string]string{"id": id, "within_seconds": strconv.Itoa(int(within / time.Second))},
	}}})
}
