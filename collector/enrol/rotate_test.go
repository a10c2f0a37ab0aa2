package enrol_test

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// trusts says whether a device that knows only root takes the collector for its own.
func trusts(t testing.TB, a *enrol.Authority, root *x509.Certificate, at time.Time) error {
	t.Helper()
	chain, err := pki.ParseChain(a.Certificate().Certificate)
	must(t, err)
	return pki.VerifyCollector(chain, pki.Pool(root), []string{enrol.ServerName}, at)
}

func roots(t testing.TB, a *enrol.Authority) []*x509.Certificate {
	t.Helper()
	certs, err := pki.ParseChain(a.Trust(nil).GetRootsDer())
	must(t, err)
	return certs
}

func TestARootIsHandedOutBeforeItSignsAndTheOldOneWorksUntilRetired(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	a := openAuthority(t, dir, noon)
	old := a.Root()
	must(t, a.AnnounceRoot(noon))
	both := roots(t, a)
	if len(both) != 2 || !a.Root().Equal(old) {
		t.Fatalf("%d roots are handed out, and the old one is in use: %t", len(both), a.Root().Equal(old))
	}
	next := both[1]
	if trusts(t, a, next, noon) == nil {
		t.Error("the announced root has signed already")
	}
	must(t, a.UseRoot(noon))
	for _, reopened := range []*enrol.Authority{a, openAuthority(t, dir, noon)} {
		if !reopened.Root().Equal(next) {
			t.Error("the new root is not in use")
		}
		must(t, trusts(t, reopened, next, noon))
		must(t, trusts(t, reopened, old, noon)) // a device that was away
	}
	must(t, a.RetireRoot(noon))
	must(t, trusts(t, a, next, noon))
	if trusts(t, a, old, noon) == nil || len(roots(t, a)) != 1 {
		t.Error("the retired root is still of use")
	}
}

func TestEveryStepOfARotationSaysWhatMustComeBefore(t *testing.T) {
	a := openAuthority(t, filepath.Join(t.TempDir(), "ca"), noon)
	wantError(t, a.UseRoot(noon), "none is announced")
	wantError(t, a.RetireRoot(noon), "only one is trusted")
	wantError(t, a.RetireIssuing(noon), "none but the present")
	must(t, a.AnnounceRoot(noon))
	wantError(t, a.AnnounceRoot(noon), "announced already")
	must(t, a.UseRoot(noon))
	wantError(t, a.AnnounceRoot(noon), "not retired yet")
	must(t, os.Remove(filepath.Join(a.Dir(), "root.key")))
	must(t, a.Refresh(noon))
	wantError(t, a.RotateIssuing(noon), "offline")
}

// A power cut may fall between any two writes: the folder as it is then must
// open, and serve both who know the old root and who know the new.
func TestAPowerCutInTheMiddleOfARotationIsFinishedAtTheNextStart(t *testing.T) {
	for name, c := range map[string]struct {
		before, rotate func(*enrol.Authority) error
	}{
		"root":    {nothing, func(a *enrol.Authority) error { return a.UseRoot(noon) }},
		"issuing": {nothing, func(a *enrol.Authority) error { return a.RotateIssuing(noon) }},
		"issuing, two roots in force": {
			func(a *enrol.Authority) error { return a.UseRoot(noon) },
			func(a *enrol.Authority) error { return a.RotateIssuing(noon) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			whole := filepath.Join(t.TempDir(), "ca")
			a := openAuthority(t, whole, noon)
			old := a.Root()
			must(t, a.AnnounceRoot(noon))
			must(t, c.before(a))
			for cut := 0; ; cut++ {
				dir := filepath.Join(t.TempDir(), "ca")
				must(t, os.Mkdir(dir, 0o700))
				for name, data := range contents(t, whole) {
					must(t, pki.WriteSecret(filepath.Join(dir, name), []byte(data)))
				}
				killed := openAuthority(t, dir, noon)
				done, err := enrol.CutAt(killed, cut, func() error { return c.rotate(killed) })
				must(t, err)
				again := openAuthority(t, dir, noon)
				must(t, trusts(t, again, old, noon))
				must(t, trusts(t, again, again.Root(), noon))
				if done {
					if cut < 4 {
						t.Errorf("there were %d changes only: the test cuts nothing", cut)
					}
					return
				}
			}
		})
	}
}

func nothing(*enrol.Authority) error { return nil }

func TestARetiredIssuingKeyAdmitsNobody(t *testing.T) {
	h := newHouse(t)
	before, after := h.enrolled(), h.enrolled()
	must(t, h.auth.RotateIssuing(h.clock.now()))
	for _, d := range []*device{before, after} {
		_, err := d.resolve()
		must(t, err)
	}
	resp, err := after.renew(after.key)
	must(t, err)
	after.hold(resp.GetCertificatesDer())
	must(t, h.auth.RetireIssuing(h.clock.now()))
	_, err = after.resolve()
	must(t, err)
	if _, err := before.resolve(); err == nil {
		t.Error("what the retired key signed is still admitted")
	}
	if _, err := before.renew(before.key); err == nil {
		t.Error("what the retired key signed may still renew")
	}
}

func TestADeviceThatDidNotRenewWorksUnderTheNewRoot(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	must(t, h.auth.AnnounceRoot(h.clock.now()))
	must(t, h.auth.UseRoot(h.clock.now()))
	must(t, h.auth.RetireRoot(h.clock.now()))
	_, err := d.resolve()
	must(t, err)
}

func TestAnOpenStreamEndsAnHourAfterItsCertificate(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	stream := d.watch()
	h.clock.pass(pki.DeviceLife + 30*time.Minute)
	h.gate.EndExpired()
	must(t, stream.Send(&safelightv1.AgentStatus{})) // within the grace it lives on
	select {
	case err := <-h.ended:
		t.Fatalf("the stream ended early: %v", err)
	default:
	}
	h.clock.pass(time.Hour)
	h.gate.EndExpired()
	_, err := stream.Recv()
	wantStatus(t, err, codes.Unavailable)
	<-h.ended
}

// told says yes to one running agent, with the first key it comes with.
type told struct {
	instance string
	key      [32]byte
	split    int
	held     int
}

func (c *told) Held(string) { c.held++ }

func (c *told) HasSplit(string, []byte) { c.split++ }

func (c *told) MaySplit(_ string, instance []byte, key [32]byte) bool {
	if c.key == [32]byte{} {
		c.key = key
	}
	return string(instance) == c.instance && key == c.key
}

func (d *device) split(key crypto.Signer, instance string) (*safelightv1.EnrolResponse, error) {
	d.h.t.Helper()
	return safelightv1.NewEnrolmentServiceClient(d.connect()).Split(d.h.t.Context(), &safelightv1.SplitRequest{
		CsrDer: csr(d.h.t, key), Instance: []byte(instance), Device: &safelightv1.DeviceInfo{Hostname: "copy"},
	})
}

func TestACopyBecomesADeviceOfItsOwnAndAskingAgainChangesNothing(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	h.service.AllowSplits(&told{instance: "second"})
	key := newKey(t)
	resp, err := d.split(key, "second")
	must(t, err)
	again, err := d.split(key, "second") // the answer was lost
	must(t, err)
	if resp.GetDeviceId() == d.id || resp.GetDeviceId() != again.GetDeviceId() {
		t.Errorf("the device %s became %s, then %s", d.id, resp.GetDeviceId(), again.GetDeviceId())
	}
	second := h.stranger()
	second.id, second.key = resp.GetDeviceId(), key
	second.hold(resp.GetCertificatesDer())
	for _, one := range []*device{d, second} {
		who, err := one.resolve()
		must(t, err)
		if who.GetPseudonym() != one.id {
			t.Errorf("%s is taken for %s", one.id, who.GetPseudonym())
		}
	}
	all, err := h.store.Devices(t.Context(), school)
	must(t, err)
	if len(all) != 2 || all[1].Site != "annexe" {
		t.Errorf("there are %d devices: %+v", len(all), all)
	}
}

func TestNobodySplitsUntoldOrWithTheCopiedKeyOrIntoMany(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	_, err := d.split(newKey(t), "second")
	wantStatus(t, err, codes.PermissionDenied, "not told to split")
	h.service.AllowSplits(&told{instance: "second"})
	_, err = d.split(newKey(t), "third")
	wantStatus(t, err, codes.PermissionDenied, "not told to split")
	_, err = d.split(d.key, "second")
	wantStatus(t, err, codes.InvalidArgument, "a key of its own")
	h.service.AllowSplits(&told{instance: "second"})
	_, err = d.split(newKey(t), "second")
	must(t, err)
	_, err = d.split(newKey(t), "second")
	wantStatus(t, err, codes.PermissionDenied, "not told to split")
}

// G12: a trial school's copies count like any device.
func TestG12ACopyBeyondTheTrialsDevicesIsRefused(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	for range model.TrialDevices - 1 {
		h.enrolled()
	}
	h.service.AllowSplits(&told{instance: "second"})
	_, err := d.split(newKey(t), "second")
	wantStatus(t, err, codes.PermissionDenied, "at most 5 devices")
}

// TestACopyBeyondTheBoundWaitsAndIsNoDevice: it is told so by name, and may ask again.
func TestACopyBeyondTheBoundWaitsAndIsNoDevice(t *testing.T) {
	h := newHouse(t)
	d := h.enrolled()
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`)
	must(t, err)
	now := h.clock.now()
	for i := range model.SplitsAnHour {
		_, err := h.store.SplitDevice(t.Context(), school, model.Split{From: d.id, Instance: fmt.Sprint("run ", i), Device: model.Device{
			ID: fmt.Sprint("copy-", i), KeyHash: fmt.Append(nil, i), Enrolled: now, Expires: now.Add(time.Hour),
		}})
		must(t, err)
	}
	splits := &told{instance: "second"}
	h.service.AllowSplits(splits)
	key := newKey(t)
	_, err = d.split(key, "second")
	wantStatus(t, err, codes.ResourceExhausted, "told again later")
	if splits.held != 1 || splits.split != 0 {
		t.Errorf("held %d times, split %d times; want one and none", splits.held, splits.split)
	}
	all, err := h.store.Devices(t.Context(), school)
	if must(t, err); len(all) != model.SplitsAnHour+1 {
		t.Errorf("there are %d devices, want %d", len(all), model.SplitsAnHour+1)
	}
	_, err = h.store.LeaveForSplits(t.Context(), school, d.id, 1, now)
	must(t, err)
	_, err = d.split(key, "second")
	must(t, err)
}
