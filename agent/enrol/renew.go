package enrol

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

const (
	renewTimeout = 20 * time.Second
	// Between two looks at the clock, which may be set while we wait.
	lookEvery = time.Hour
	// Waits between tries grow from the first to the second, while the
	// certificate is good, and when it has ended.
	retryBase, retryCap               = time.Minute, time.Hour
	retryBaseExpired, retryCapExpired = 2 * time.Second, 10 * time.Minute
)

// RenewerParts are what a Renewer is built of; all are needed.
type RenewerParts struct {
	Identity *Identity
	Dir      string
	Client   safelightv1.EnrolmentServiceClient
	Now      func() time.Time // Clock's, not the wall's
	Rand     func() float64   // from 0 up to 1
	// Renewed is called when a new certificate is kept: connections that are open
	// show the old one still.
	Renewed func()
	Log     *slog.Logger
}

// Renewer has the certificate renewed when two thirds of its life are over, at
// a moment drawn at random, so that devices enrolled in one morning do not
// come back in one; sooner where the collector says so.
type Renewer struct {
	parts RenewerParts
	kick  chan struct{}

	mu     sync.Mutex // guards everything declared below
	of     *x509.Certificate
	due    time.Time // when the certificate `of` is to be renewed
	again  time.Time // no try before then
	tries  int       // that failed since the last that did not
	status RenewStatus
}

// RenewStatus is what `status` says of renewal.
type RenewStatus struct {
	Due        time.Time `json:"due"`
	LastError  string    `json:"last_error,omitempty"`
	EnrolAgain bool      `json:"enrol_again,omitempty"` // the collector will not renew this device
}

// NewRenewer makes a Renewer. It does nothing until Run.
func NewRenewer(p RenewerParts) *Renewer { return &Renewer{parts: p, kick: make(chan struct{}, 1)} }

// Status says how renewal stands.
func (r *Renewer) Status() RenewStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.status
	st.Due = r.plan()
	return st
}

// Ask has the certificate renewed within a while, because the collector's keys
// have changed.
func (r *Renewer) Ask(within time.Duration) {
	r.mu.Lock()
	r.plan()
	if soon := r.parts.Now().Add(time.Duration(r.parts.Rand() * float64(within))); soon.Before(r.due) {
		r.due, r.again = soon, time.Time{}
	}
	r.mu.Unlock()
	r.Look()
}

// Look ends a wait, because something changed that may let a try through.
func (r *Renewer) Look() {
	r.mu.Lock()
	r.again = time.Time{}
	r.mu.Unlock()
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run renews until ctx ends; it then returns nil.
func (r *Renewer) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(r.wait())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.kick:
		case <-timer.C:
		}
		timer.Stop()
		if r.wait() > 0 {
			continue
		}
		if err := r.renew(ctx); ctx.Err() == nil {
			r.note(ctx, err)
		}
	}
}

// plan is when the certificate is to be renewed. The caller holds mu.
func (r *Renewer) plan() time.Time {
	leaf := r.parts.Identity.certificates()[0]
	if r.of != leaf {
		life := leaf.NotAfter.Sub(leaf.NotBefore)
		jitter := time.Duration(r.parts.Rand() * float64(life/12))
		r.of, r.due = leaf, leaf.NotBefore.Add(life*2/3+jitter)
	}
	return r.due
}

// wait is how long until there is something to do, at most until the next look.
func (r *Renewer) wait() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.parts.Now()
	return max(0, min(lookEvery, latest(r.plan(), r.again).Sub(now)))
}

// renew asks for a certificate and keeps it.
func (r *Renewer) renew(ctx context.Context) error {
	id := r.parts.Identity
	csr, err := pki.NewCSR(id.key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	resp, err := r.parts.Client.Renew(ctx, &safelightv1.RenewRequest{CsrDer: csr})
	if err != nil {
		return err
	}
	if err := id.SetTrust(r.parts.Dir, resp.GetTrust()); err != nil {
		return err
	}
	chain, err := pki.ParseChain(resp.GetCertificatesDer())
	if err != nil {
		return fmt.Errorf("reading the new certificate: %w", err)
	}
	if err := id.checkOwn(chain); err != nil {
		return fmt.Errorf("reading the new certificate: %w", err)
	}
	return id.setChain(r.parts.Dir, chain)
}

// checkOwn refuses a chain that would cut this device off.
func (id *Identity) checkOwn(chain []*x509.Certificate) error {
	roots, err := pki.ParseChain(id.trusted().GetRootsDer())
	if err != nil {
		return err
	}
	if len(chain) == 0 || !sameKey(chain[0].PublicKey, id.key.Public()) {
		return errors.New("it is not for this device's key")
	}
	who, err := pki.VerifyDevice(chain, pki.Pool(roots...), newest(chain), 0)
	if err != nil {
		return err
	}
	if who.Device != id.DeviceID || who.School != id.School {
		return errors.New("it is for another device")
	}
	return nil
}

// note takes down how a try went, and when the next may be.
func (r *Renewer) note(ctx context.Context, err error) {
	if err == nil {
		r.mu.Lock()
		r.tries, r.again, r.status = 0, time.Time{}, RenewStatus{}
		r.mu.Unlock()
		r.parts.Log.InfoContext(ctx, "the device's certificate was renewed", "until", r.parts.Identity.Expires())
		r.parts.Renewed()
		return
	}
	text, final := r.explain(err)
	r.mu.Lock()
	wait := r.backoff(final)
	r.again = r.parts.Now().Add(wait)
	r.status.LastError, r.status.EnrolAgain = text, final
	r.mu.Unlock()
	// its text may hold addresses, which no log does (G11)
	r.parts.Log.WarnContext(ctx, "renewing the device's certificate failed", "code", status.Code(err).String(), "enrol_again", final, "retry_in", wait.Round(time.Second))
}

// backoff is half the ceiling and up to as much again. The caller holds mu.
func (r *Renewer) backoff(final bool) time.Duration {
	base, most := retryBase, retryCap
	if !final && r.parts.Now().After(r.parts.Identity.Expires()) {
		base, most = retryBaseExpired, retryCapExpired
	}
	ceiling := most
	if r.tries < 20 && !final {
		ceiling = min(most, base<<r.tries)
	}
	r.tries++
	return ceiling/2 + time.Duration(r.parts.Rand()*float64(ceiling/2))
}

// explain turns a failure into what a technician can act on; final: the
// collector has said no, and only a new enrolment helps.
func (r *Renewer) explain(err error) (text string, final bool) {
	end := r.parts.Identity.Expires()
	ended := r.parts.Now().After(end.Add(pki.RenewGrace))
	msg := status.Convert(err).Message()
	switch code := status.Code(err); {
	case code == codes.PermissionDenied:
		return "enrol again: the collector refuses to renew this device: " + msg, true
	case ended && (code == codes.Unauthenticated || strings.Contains(msg, "remote error: tls")):
		return fmt.Sprintf("enrol again: the certificate ended on %s, over a year ago", end.UTC().Format(time.DateOnly)), true
	case strings.Contains(msg, "remote error: tls"):
		return "the collector does not accept this device's certificate, and will be asked again", false
	}
	return plain(err), false
}
