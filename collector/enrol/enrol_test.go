package enrol_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestAnEnrolledDeviceIsKnownByItsCertificate(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	got, err := d.resolve()
	must(t, err)
	if got.GetPseudonym() != d.id || got.GetSchool() != string(school) {
		t.Errorf("the call is taken for %q of %q", got.GetPseudonym(), got.GetSchool())
	}
	kept, err := h.store.Device(t.Context(), school, d.id)
	must(t, err)
	want, err := pki.KeyHash(d.key.Public())
	must(t, err)
	if [32]byte(kept.KeyHash) != want || kept.Name != "laptop" || kept.Site != "annexe" || !kept.Expires.Equal(d.cert.Leaf.NotAfter) {
		t.Errorf("kept %+v", kept)
	}
}

func TestADeviceIsToldWhomToTrust(t *testing.T) {
	h := newHouse(t)
	resp, err := h.stranger().enrol(h.token(1, time.Hour))
	must(t, err)
	trust := resp.GetTrust()
	roots, err := pki.ParseChain(trust.GetRootsDer())
	must(t, err)
	if len(roots) != 1 || !roots[0].Equal(h.auth.Root()) || trust.GetServerNames()[0] != enrol.ServerName {
		t.Errorf("trust %v", trust)
	}
	if keys := trust.GetPolicyKeys(); len(keys) != 2 || keys[0].GetKeyId() != "k1" {
		t.Errorf("keys %v, want two in order", keys)
	}
}

func TestATokenThatDoesNotAdmitSaysWhy(t *testing.T) {
	h := newHouse(t)
	used, late := h.token(1, time.Hour), h.token(1, time.Minute)
	_, err := h.stranger().enrol(used)
	must(t, err)
	h.clock.pass(2 * time.Minute)
	for name, c := range map[string]struct{ secret, says string }{
		"unknown": {pki.NewSecret(), "not known"},
		"used up": {used, "used as often"},
		"expired": {late, "expired"},
	} {
		_, err := h.stranger().enrol(c.secret)
		if status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "ask for a new one") {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantDevices(h, 1)
}

func wantDevices(h *house, n int) {
	h.t.Helper()
	devices, err := h.store.Devices(h.t.Context(), school)
	must(h.t, err)
	if len(devices) != n {
		h.t.Errorf("%d devices are enrolled, want %d", len(devices), n)
	}
}

func TestG12TheSixthDeviceOfATrialSchoolIsRefused(t *testing.T) {
	h := newHouse(t)
	secret := h.token(10, time.Hour)
	var first string
	for range model.TrialDevices {
		resp, err := h.stranger().enrol(secret)
		must(t, err)
		first = resp.GetDeviceId()
	}
	_, err := h.stranger().enrol(secret)
	wantStatus(t, err, codes.PermissionDenied, "at most 5 devices", "revoke one first")
	wantDevices(h, 5)
	must(t, h.store.RevokeDevice(t.Context(), school, first, h.clock.now()))
	_, err = h.stranger().enrol(secret)
	must(t, err) // the refusal spent no use, the revocation made room
}

func TestABadRequestIsRefusedAndSpendsNothing(t *testing.T) {
	h := newHouse(t)
	secret := h.token(1, time.Hour)
	good := csr(t, newKey(t))
	broken := append([]byte{}, good...)
	broken[len(broken)-1] ^= 1
	c := safelightv1.NewEnrolmentServiceClient(h.stranger().connect())
	for name, bad := range map[string]struct {
		req   *safelightv1.EnrolRequest
		field string
	}{
		"no CSR":           {&safelightv1.EnrolRequest{TokenSecret: secret}, "csr_der"},
		"garbage":          {&safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: []byte("hello")}, "csr_der"},
		"signed by nobody": {&safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: broken}, "csr_der"},
		"a huge one":       {&safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: make([]byte, 1<<20)}, "csr_der"},
		"no token":         {&safelightv1.EnrolRequest{CsrDer: good}, "token_secret"},
		"a huge token":     {&safelightv1.EnrolRequest{TokenSecret: strings.Repeat("x", 257), CsrDer: good}, "token_secret"},
	} {
		_, err := c.Enrol(t.Context(), bad.req)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), bad.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := c.Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: secret, CsrDer: good})
	must(t, err)
}

func TestADeviceDoesNotChooseWhoItIs(t *testing.T) {
	h := newHouse(t)
	a, b := h.enrolled(), h.enrolled()
	if a.id == b.id || len(a.id) != 26 {
		t.Errorf("ids %q and %q", a.id, b.id)
	}
	if got := a.cert.Leaf.Subject.CommonName; got != a.id {
		t.Errorf("the certificate names %q", got)
	}
}

func TestALongNameIsCutWithoutHalfACharacter(t *testing.T) {
	h := newHouse(t)
	resp, err := safelightv1.NewEnrolmentServiceClient(h.stranger().connect()).Enrol(t.Context(), &safelightv1.EnrolRequest{
		TokenSecret: h.token(1, time.Hour), CsrDer: csr(t, newKey(t)),
		Device: &safelightv1.DeviceInfo{Hostname: "a" + strings.Repeat("é", 500)},
	})
	must(t, err)
	d, err := h.store.Device(t.Context(), school, resp.GetDeviceId())
	must(t, err)
	if len(d.Name) > 255 || !strings.HasSuffix(d.Name, "é") || strings.ContainsRune(d.Name, '\uFFFD') {
		t.Errorf("kept %q", d.Name)
	}
}

func TestOfTwoWhoRaceForATokensLastUseOneWins(t *testing.T) {
	h := newHouse(t)
	for range 2 {
		secret := h.token(1, time.Hour)
		errs := make(chan error, 8)
		var wg sync.WaitGroup
		for range cap(errs) {
			d := h.stranger()
			wg.Go(func() {
				_, err := d.enrol(secret)
				errs <- err
			})
		}
		wg.Wait()
		won := 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				won++
			} else {
				wantStatus(t, err, codes.PermissionDenied, "used as often")
			}
		}
		if won != 1 {
			t.Errorf("%d devices won one place", won)
		}
	}
	wantDevices(h, 2)
}

func TestRenewalGivesTheSameDeviceALaterEnd(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	h.clock.pass(60 * 24 * time.Hour)
	resp, err := d.renew(d.key)
	must(t, err)
	before := d.cert.Leaf.NotAfter
	d.hold(resp.GetCertificatesDer())
	if got := d.cert.Leaf.NotAfter; !got.After(before.Add(59 * 24 * time.Hour)) {
		t.Errorf("it ends %s, before it was %s", got, before)
	}
	who, err := d.resolve()
	must(t, err)
	if who.GetPseudonym() != d.id {
		t.Errorf("it is taken for %q, want %q", who.GetPseudonym(), d.id)
	}
	kept, err := h.store.Device(t.Context(), school, d.id)
	must(t, err)
	if !kept.Expires.Equal(d.cert.Leaf.NotAfter) {
		t.Errorf("the store says it ends %s", kept.Expires)
	}
}

func TestAnExpiredDeviceMayRenewForAYearAndDoNothingElse(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	h.clock.pass(pki.DeviceLife + 24*time.Hour)
	_, err := d.resolve()
	wantStatus(t, err, codes.Unauthenticated, "renew or enrol again")
	resp, err := d.renew(d.key)
	must(t, err)
	d.hold(resp.GetCertificatesDer())
	_, err = d.resolve()
	must(t, err)
	h.clock.pass(pki.DeviceLife + pki.RenewGrace + 24*time.Hour)
	_, err = d.renew(d.key)
	wantStatus(t, err, codes.Unavailable) // the handshake fails
}

func TestRenewalWithAnotherKeyIsRefused(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	_, err := d.renew(newKey(t))
	wantStatus(t, err, codes.PermissionDenied, "same key")
	_, err = safelightv1.NewEnrolmentServiceClient(d.connect()).Renew(t.Context(), &safelightv1.RenewRequest{CsrDer: []byte("hello")})
	wantStatus(t, err, codes.InvalidArgument, "csr_der")
}

func TestARevokedDeviceCannotRenewEvenBeforeTheGateHasHeard(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	must(t, h.store.RevokeDevice(t.Context(), school, d.id, h.clock.now()))
	_, err := d.renew(d.key)
	wantStatus(t, err, codes.PermissionDenied, "enrol again")
}

// failing is a store that answers as set; what is unset panics.
type failing struct{ enrol func() error }

func (f failing) Enrol(context.Context, model.SchoolID, []byte, time.Time, model.Device) error {
	return f.enrol()
}

func (failing) CheckToken(context.Context, model.SchoolID, []byte, time.Time) error { return nil }

func (failing) Device(context.Context, model.SchoolID, string) (model.Device, error) {
	panic("not expected")
}

func (failing) DeviceByHardware(context.Context, model.SchoolID, model.Hardware) (model.Device, bool, error) {
	return model.Device{}, false, nil
}

func (failing) SplitDevice(context.Context, model.SchoolID, model.Split) (model.SplitAnswer, error) {
	panic("not expected")
}

func (failing) RenewDevice(context.Context, model.SchoolID, string, time.Time) error {
	panic("not expected")
}

func TestAStoreThatFailsAdmitsNobodyAndKeepsItsWordsToItself(t *testing.T) {
	h := newHouse(t)
	s := enrol.NewService(school, h.auth, failing{func() error { return errors.New("disk full at /var/lib") }}, refusals, nil, time.Now, quiet)
	_, err := s.Enrol(t.Context(), &safelightv1.EnrolRequest{TokenSecret: "x", CsrDer: csr(t, newKey(t))})
	wantStatus(t, err, codes.Unavailable, "try again")
	if strings.Contains(err.Error(), "disk full") {
		t.Error("a stranger is told what ails the store")
	}
}
