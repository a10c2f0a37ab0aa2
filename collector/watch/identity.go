package watch

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/collector/model"
	safelightv1 "safelight/proto/safelight/v1"
)

// Keys is what a stream needs to know of keys; what is nil is not asked.
type Keys struct {
	// Outdated says that the device behind a call should renew now.
	Outdated func(ctx context.Context) bool
	// Copies tells copies of a device apart.
	Copies *Copies
	// Noticed is called when copies are noticed, with how many there were lately in all,
	// and how many of those just now.
	Noticed func(ctx context.Context, school model.SchoolID, device string, all model.Copied, now int)
}

// TrustChanged has every open stream look for new trust.
func (s *Service) TrustChanged() { s.wake() }

// identity is what a stream has told its device about keys.
type identity struct {
	able      []string // the device's capabilities
	instance  string
	trust     *safelightv1.TrustBundle // last sent
	renewFor  *safelightv1.TrustBundle // the trust under which it was told to renew
	toldSplit time.Time
}

// splitAgain is when an agent that was told to split and is still here is told again:
// one that could, ended its stream.
const splitAgain = 5 * time.Minute

func (i *identity) hello(first *safelightv1.AgentStatus) {
	i.able = first.GetHello().GetCapabilities()
	i.instance = string(first.GetInstance())
}

// sendIdentity sends new trust, and what the device is to do about its own
// certificate, each once.
func (w *watcher) sendIdentity(ctx context.Context) error {
	id, keys := &w.identity, w.service.keys
	if trust := w.service.trust(); id.trust == nil || !proto.Equal(trust, id.trust) {
		id.trust = trust
		if err := w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Trust{Trust: trust}}); err != nil {
			return err
		}
	}
	if id.renewFor != id.trust && keys.Outdated != nil && slices.Contains(id.able, "renew") && keys.Outdated(ctx) {
		id.renewFor = id.trust
		if err := w.command("renew"); err != nil {
			return err
		}
	}
	if now := w.service.now(); keys.Copies != nil && slices.Contains(id.able, "split") && now.Sub(id.toldSplit).Abs() >= splitAgain && keys.Copies.told(w.device, id.instance, now) {
		id.toldSplit = now
		return w.command("split")
	}
	return nil
}

func (w *watcher) command(name string) error {
	return w.send(&safelightv1.Directive{Kind: &safelightv1.Directive_Command{Command: &safelightv1.Command{Name: name}}})
}

// noticeCopies takes a heartbeat as a sign of life of one running agent.
func (w *watcher) noticeCopies(ctx context.Context) {
	keys := w.service.keys
	if keys.Copies == nil || w.identity.instance == "" {
		return
	}
	n := keys.Copies.saw(ctx, w.device, w.identity.instance, w.service.now())
	if n > 0 {
		if err := keys.Copies.save(ctx); err != nil {
			w.service.log.ErrorContext(ctx, "writing down which agents are copies failed: it is tried again", "device", w.device, "error", err.Error())
		}
		keys.Noticed(ctx, w.school, w.device, keys.Copies.of(w.device), n)
		w.service.wake()
	}
}
