package watch

import (
	"context"
	"log/slog"

	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// capOverlays is the capability of keeping overlays and a site.
	capOverlays = "overlays"
	// siteCommand tells a device of which site it is.
	siteCommand = "site"
)

// Overlays are what devices are sent beside the policy.
type Overlays interface {
	Current() []*safelightv1.Overlay
}

// Places says of which site a device is, where somebody said so.
type Places func(ctx context.Context, device string) (site string, err error)

// OverlaysChanged has every open stream look for new overlays.
func (s *Service) OverlaysChanged() { s.wake() }

// overlays is what a stream has told its device of them.
type overlays struct {
	able   bool              // the device keeps them
	sent   map[string]uint64 // serials, by name
	placed bool              // it was told its site
}

// sendOverlays sends each overlay once per stream and serial, to a device that
// keeps them: after the policy whose categories they name.
func (w *watcher) sendOverlays() error {
	if !w.overlays.able || w.service.overlays == nil {
		return nil
	}
	for _, o := range w.service.overlays.Current() {
		if w.overlays.sent[o.GetName()] >= o.GetSerial() {
			continue
		}
		if w.overlays.sent == nil {
			w.overlays.sent = map[string]uint64{}
		}
		w.overlays.sent[o.GetName()] = o.GetSerial()
		if err := w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Overlay{Overlay: o}}); err != nil {
			return err
		}
	}
	return nil
}

// sendSite tells a device of which site it is, once a stream.
func (w *watcher) sendSite(ctx context.Context) error {
	if !w.overlays.able || w.overlays.placed || w.service.places == nil {
		return nil
	}
	w.overlays.placed = true
	site, err := w.service.places(ctx, w.device)
	if err != nil {
		w.service.log.WarnContext(ctx, "reading a device's site failed", slog.Any("error", err))
		return nil // it is told when its next stream begins
	}
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Command{Command: &safelightv1.Command{
		Name: siteCommand, Args: map[string]string{"site": site},
	}}})
}
