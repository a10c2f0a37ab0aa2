package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"safelight/agent/enrol"
	"safelight/agent/watch"
	"safelight/internal/version"
	safelightv1 "safelight/proto/safelight/v1"
)

// errSplit ends a run whose device has become another one.
var errSplit = errors.New("the identity has changed")

// renewWithin spreads a school's devices when the collector's keys have changed.
const renewWithin = 10 * time.Second

// newInstance names this run of the agent: of two copies of a device, which the
// certificate cannot tell apart, each has its own.
func newInstance() []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	return id
}

func (a *agent) newRenewer(dir string) *enrol.Renewer {
	return enrol.NewRenewer(enrol.RenewerParts{
		Identity: a.identity, Dir: dir, Client: safelightv1.NewEnrolmentServiceClient(a.conn), Now: a.identity.Clock().Now,
		Rand: mathrand.Float64, Log: a.log,
		Renewed: func() {
			a.conn.hangUp()
			a.shipper.Retry()
		},
	})
}

// up is called when the collector answers.
func (a *agent) up() {
	a.shipper.Retry()
	a.renewer.Look()
}

// untilReady has no stream wait any longer once the connection is there again.
func (a *agent) untilReady(ctx context.Context) error {
	return watch.Ready(ctx, a.conn, func() {
		a.watcher.Retry()
		a.shipper.Retry()
	})
}

func (a *agent) setTrust(dir string, t *safelightv1.TrustBundle) error {
	if err := a.identity.SetTrust(dir, t); err != nil {
		return err
	}
	a.conn.reach(a.identity.Reach())
	return nil
}

func (a *agent) heard(at time.Time) {
	if err := a.identity.Clock().Heard(at); err != nil {
		a.log.Warn("keeping the collector's time failed", slog.String("error", err.Error()))
	}
}

// command carries out what the collector asks for by name.
func (a *agent) command(ctx context.Context, dir string, c *safelightv1.Command) (known bool, err error) {
	switch c.GetName() {
	case "site":
		return true, a.overlays.SetSite(c.GetArgs()["site"])
	case capAbout:
		return true, a.about.Take(ctx, c.GetArgs(), a.watcher.Fetch)
	case capSelfcheck:
		return true, a.selfcheckCommand(c)
	case "renew":
		a.renewer.Ask(renewWithin)
		return true, nil
	case "split":
		client := safelightv1.NewEnrolmentServiceClient(a.conn)
		if err := a.identity.Split(ctx, dir, client, a.instance, version.Version); err != nil {
			return true, err
		}
		select {
		case a.split <- struct{}{}:
		default: // told twice
		}
		return true, nil
	}
	return false, nil
}

// untilSplit ends the run when a new identity is ready.
func (a *agent) untilSplit(ctx context.Context) error {
	select {
	case <-a.split:
		return errSplit
	case <-ctx.Done():
		return nil
	}
}
