package server

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/collector/watch"
	safelightv1 "safelight/proto/safelight/v1"
)

// trust is what devices are told to trust now.
func (s *state) trust() *safelightv1.TrustBundle {
	t := s.authority.Trust(s.keys.ring.Public())
	t.RecoveryEd25519Public = s.keys.recovery
	return t
}

// keysFor joins the streams with the keys, and with the copies of devices.
func (p *parts) keysFor(ctx context.Context, s *state) (watch.Keys, error) {
	p.copies = watch.NewCopies(schoolID, s.store, p.now, p.log)
	p.enrol.AllowSplits(p.copies)
	p.fleet.Copies = p.copies.Copied
	return watch.Keys{Outdated: p.gate.Outdated, Copies: p.copies, Noticed: p.noticedCopy}, p.copies.Load(ctx)
}

// noticedCopy tells IT: one line for each device that was copied, however many copies
// there are, and in the log one when their number has doubled.
func (p *parts) noticedCopy(ctx context.Context, school model.SchoolID, device string, all model.Copied, now int) {
	if before := all.Noticed - now; before == 0 || bits.Len(uint(before)) < bits.Len(uint(all.Noticed)) {
		p.log.WarnContext(ctx, "a device was copied after it had enrolled: each copy is told to become one of its own", "device", device, "copies", all.Noticed)
	}
	detail := "Another agent ran with this device’s key, as its disk was copied. It was told to become a device of its own."
	if all.Noticed > 1 {
		detail = fmt.Sprintf("%d other agents ran with this device’s key, as its disk was copied. Each was told to become a device of its own.", all.Noticed)
	}
	if err := p.store.NoteCopies(ctx, school, device, detail, all.First, p.now()); err != nil {
		p.log.ErrorContext(ctx, "noting a copied device failed", "error", err.Error())
	}
}

// keyEndedEvery is a day, less what lets one that comes each morning be told each
// morning.
const keyEndedEvery = 20 * time.Hour

// noticedEnded tells IT of a device that is refused, which nothing else would: who is
// refused says nothing. Of several collectors one does.
func (p *parts) noticedEnded(ctx context.Context, device string) error {
	wrote, err := p.store.NoteDeviceHealthSeldom(ctx, schoolID, device, model.HealthKeyEnded,
		"It, or an older copy of its disk, came with a key from before it was set up anew, and was refused. Nothing that the one which is refused notices reaches the school until it is enrolled anew.", keyEndedEvery, p.now())
	if wrote {
		p.log.WarnContext(ctx, "a device is refused, because its key ended when it was set up anew", "device", device,
			"mend", "stop the agent on it, remove identity.json and device.key from its state folder, and enrol it with a new token")
	}
	return err
}

// warnOfKeys says at the start what would fail later.
func (p *parts) warnOfKeys(ctx context.Context) {
	if id, is := p.policy.SignedElsewhere(); is {
		p.log.WarnContext(ctx, "the rules in force were signed by a key that is not the present one: devices would refuse what is published next",
			"key", id, "mend", "restore policy.key from a backup, or begin an epoch with `key rotate policy`")
	}
}

// tendEvery is how often certificates are looked after.
const tendEvery = time.Minute

// tendKeys renews the collector's own certificates while it runs, and ends
// streams whose device certificate has ended.
func (p *parts) tendKeys(ctx context.Context) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		p.gate.EndExpired()
		if err := p.authority.Refresh(p.now()); err != nil {
			p.log.ErrorContext(ctx, "looking after the collector's certificates failed", "error", err.Error())
		}
	}
}

// serverName is the name that new tokens carry.
func (c *Config) serverName() string {
	if len(c.ServerNames) > 0 {
		return c.ServerNames[0]
	}
	return enrol.ServerName
}

// handedOut are the addresses that devices are told: only those that somebody
// chose, because the public URL's host of a fresh configuration is localhost.
func (c *Config) handedOut() []string { return c.AgentAddresses }
