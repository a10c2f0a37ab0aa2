package people

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/model"
	"safelight/internal/pki"
	"safelight/internal/timetable"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	// factsLife is how long devices go by sites and hours without hearing of them
	// again; they hear at every start, so this bounds what a device long away knows.
	factsLife = 400 * 24 * time.Hour
	// factsRenew is how much of it must be left, or they are signed anew.
	factsRenew = 200 * 24 * time.Hour
	// noneLife is how long word that there is no exemption stands.
	noneLife = 24 * time.Hour
)

// OverlayStore keeps overlays, and what they are made of.
type OverlayStore interface {
	Overlays(ctx context.Context, school model.SchoolID) ([]model.Overlay, error)
	RemakeOverlay(ctx context.Context, school model.SchoolID, name string, now time.Time, sign model.MakeOverlay) error
}

// Overlays makes, signs and holds what devices are sent beside the policy. It
// signs with the policy key, in a context of its own.
type Overlays struct {
	school  model.SchoolID
	store   OverlayStore
	present func() (key crypto.Signer, id string)
	now     func() time.Time

	mu      sync.Mutex // guards current
	current []*safelightv1.Overlay
}

// NewOverlays makes an Overlays; Reload fills it. present is the key that signs
// now.
func NewOverlays(school model.SchoolID, store OverlayStore, present func() (crypto.Signer, string), now func() time.Time) *Overlays {
	return &Overlays{school: school, store: store, present: present, now: now}
}

// Current is what devices are to hold. One that has ended is left out: a device
// that was away would learn nothing from it.
func (o *Overlays) Current() []*safelightv1.Overlay {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	var live []*safelightv1.Overlay
	for _, one := range o.current {
		if one.GetExpires().AsTime().After(now) {
			live = append(live, one)
		}
	}
	return live
}

// Reload takes over what the store holds, which another collector or a verb may
// have changed. What the present key did not sign, or what comes to its end and
// still holds, is signed anew first.
func (o *Overlays) Reload(ctx context.Context) error {
	all, err := o.store.Overlays(ctx, o.school)
	if err != nil {
		return err
	}
	again := false
	for _, one := range all {
		if o.stale(one) {
			if err := o.store.RemakeOverlay(ctx, o.school, one.Name, o.now(), o.Make); err != nil {
				return err
			}
			again = true
		}
	}
	if again {
		if all, err = o.store.Overlays(ctx, o.school); err != nil {
			return err
		}
	}
	current := make([]*safelightv1.Overlay, 0, len(all))
	for _, one := range all {
		current = append(current, &safelightv1.Overlay{
			Name: one.Name, Serial: one.Serial, Expires: timestamppb.New(one.Expires), Body: one.Body, KeyId: one.KeyID, Signature: one.Signature,
		})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current = current
	return nil
}

// stale says whether an overlay is to be signed anew. Two collectors that hold
// different keys for a while do not take turns at it.
func (o *Overlays) stale(one model.Overlay) bool {
	_, id := o.present()
	now := o.now()
	if one.Issued.After(now.Add(-time.Minute)) {
		return false
	}
	if one.Name == model.OverlayExemptions {
		return one.KeyID != id && now.Before(one.Expires)
	}
	return one.KeyID != id || one.Expires.Sub(now) < factsRenew
}

// Make makes and signs an overlay. It is a model.MakeOverlay.
func (o *Overlays) Make(in model.OverlayInput, now time.Time) (model.Overlay, error) {
	key, id := o.present()
	now = now.Truncate(time.Microsecond) // as the store keeps it: what stands around the body must be the same
	body := &safelightv1.OverlayBody{School: string(o.school), Name: in.Name, Serial: in.Serial, KeyId: id, Issued: timestamppb.New(now)}
	expires, err := fill(body, in, now)
	if err != nil {
		return model.Overlay{}, err
	}
	expires = expires.Truncate(time.Microsecond)
	body.Expires = timestamppb.New(expires)
	raw, err := proto.Marshal(body)
	if err != nil {
		return model.Overlay{}, fmt.Errorf("encoding it: %w", err)
	}
	signature, err := pki.Sign(key, pki.OverlayContext, raw)
	if err != nil {
		return model.Overlay{}, err
	}
	return model.Overlay{Name: in.Name, Serial: in.Serial, Issued: now, Expires: expires, Body: raw, KeyID: id, Signature: signature}, nil
}

func fill(body *safelightv1.OverlayBody, in model.OverlayInput, now time.Time) (expires time.Time, err error) {
	switch in.Name {
	case model.OverlayExemptions:
		all, expires := exemptions(in.Exemptions, now)
		body.What = &safelightv1.OverlayBody_Exemptions{Exemptions: all}
		return expires, nil
	case model.OverlaySites:
		body.What = &safelightv1.OverlayBody_Sites{Sites: sites(in.Sites)}
		return now.Add(factsLife), nil
	case model.OverlayTimetable:
		if in.Timetable == nil {
			return expires, errors.New("there is no timetable")
		}
		table, err := timetable.Read(in.Timetable.Name, in.Timetable.Source)
		if err != nil {
			return expires, err
		}
		body.What = &safelightv1.OverlayBody_Timetable{Timetable: wire.Timetable(table.Plan())}
		return now.Add(factsLife), nil
	}
	return expires, fmt.Errorf("there is no overlay %q", in.Name)
}

// exemptions says what devices need to know: neither who gave leave nor why.
func exemptions(live []model.Exemption, now time.Time) (*safelightv1.Exemptions, time.Time) {
	all, expires := &safelightv1.Exemptions{}, now.Add(noneLife)
	for i, e := range live {
		all.Exemptions = append(all.Exemptions, &safelightv1.Exemption{Group: e.Group, Category: e.Category, Until: timestamppb.New(e.Until)})
		if i == 0 || e.Until.After(expires) {
			expires = e.Until
		}
	}
	return all, expires
}

func sites(list []model.Site) *safelightv1.Sites {
	all := &safelightv1.Sites{}
	for _, s := range list {
		all.Sites = append(all.Sites, &safelightv1.Site{Name: s.Name, Networks: s.Networks, ResolverSuffixes: s.Resolvers, Unfiltered: s.Unfiltered})
	}
	return all
}
