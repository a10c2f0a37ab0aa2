package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/fleet"
	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// pretended is a device of a simulated fleet: what is amiss with it, and what the
// ledger has to say.
type pretended struct {
	id, name string
	hw       model.Hardware
	amiss    func(*safelightv1.AgentStatus) // nil: it says nothing at all
	checked  bool
	listed   bool
	standing model.Standing
	code     string // of a cause; empty: there is none
}

// pretend makes a fleet in which of each twenty devices each has something else.
func pretend(n int) (all []*pretended) {
	fine := func(*safelightv1.AgentStatus) {}
	for i := range n {
		d := &pretended{
			name: fmt.Sprintf("LT-%04d", i), hw: model.Hardware{Serial: fmt.Sprintf("5CD%06d", i), ID: fmt.Sprintf("4c4c4544-0031-3110-8052-%012x", i+1)},
			amiss: fine, checked: true, listed: true, standing: model.StandingProven,
		}
		switch i % 20 {
		case 0:
			d.amiss, d.standing, d.code = nil, model.StandingSilent, model.CauseSilent
		case 1:
			d.standing, d.code = model.StandingHidden, model.CauseHidden
			d.amiss = func(st *safelightv1.AgentStatus) { st.Hidden = map[string]uint64{"encrypted_dns": 31} }
		case 2:
			d.standing, d.code = model.StandingUnproven, model.CauseDropping
			d.amiss = func(st *safelightv1.AgentStatus) { st.Sources[0].Dropped = 60 }
		case 3:
			d.standing, d.code = model.StandingUnproven, model.CauseCaptureStopped
			d.amiss = func(st *safelightv1.AgentStatus) { st.Sources[1].State = "unavailable" }
		case 4:
			d.checked, d.standing, d.code = false, model.StandingUnproven, model.CauseNoCheck
		case 5:
			d.code = model.CausePolicyStale
			d.amiss = func(st *safelightv1.AgentStatus) { st.PolicySerial = 6 }
		case 6:
			d.code = model.CauseClock
			d.amiss = func(st *safelightv1.AgentStatus) { st.At.Wall = timestamppb.New(time.Now().Add(-3 * time.Hour)) }
		case 7:
			d.code = model.CauseVersion
			d.amiss = func(st *safelightv1.AgentStatus) { st.Hello.Version = "v1.1.0" }
		case 8:
			d.listed, d.code = false, model.CauseNotListed
		case 9:
			d.code = model.CauseLost // of a lane of 4 three are held
			d.amiss = func(st *safelightv1.AgentStatus) { st.Lanes[0].NextSeq = 5 }
		}
		all = append(all, d)
	}
	return all
}

// simulate enrols the fleet over real gRPC, each device with a key of its own, and
// has those that say something keep a Watch stream open.
func (h *house) simulate(all []*pretended) {
	t, ctx, now := h.t, h.t.Context(), time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	secret := pki.NewSecret()
	must(h.parts.store.AddToken(ctx, model.Token{School: schoolID, ID: "fleet", Hash: pki.HashSecret(secret), Site: "main", Uses: 2 * len(all), Created: now, Expires: now.Add(time.Hour)}))
	anyone := h.dial(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}) // whom devices trust is agent/enrol's to test
	defer anyone.Close()
	checks := map[string]fleet.Checked{}
	past := map[string]time.Time{}
	for i, d := range all {
		conf := h.enrolFleet(anyone, secret, d)
		if i%20 == 10 { // its disk was wiped: the same device with a new key
			first := d.id
			if conf = h.enrolFleet(anyone, secret, d); d.id != first {
				t.Fatalf("%s is another device after it was set up anew", d.name)
			}
		}
		if d.checked {
			checks[d.id] = fleet.Checked{At: now.Add(-72 * time.Hour), Passed: true}
		}
		if d.amiss == nil {
			past[d.id] = now.AddDate(0, 0, -10)
			continue
		}
		h.speak(conf, d)
	}
	must(h.parts.store.TouchDevices(ctx, schoolID, past))
	h.parts.fleet.Checks = func(context.Context) (map[string]fleet.Checked, error) { return checks, nil }
}

func (h *house) enrolFleet(anyone *grpc.ClientConn, secret string, d *pretended) *tls.Config {
	h.t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		h.t.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := safelightv1.NewEnrolmentServiceClient(anyone).Enrol(h.t.Context(), &safelightv1.EnrolRequest{
		TokenSecret: secret, CsrDer: csr, Device: &safelightv1.DeviceInfo{Hostname: d.name, Os: "windows", Arch: "amd64", AgentVersion: "v1.2.0", Serial: d.hw.Serial, HardwareId: d.hw.ID},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	d.id = resp.GetDeviceId()
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: resp.GetCertificatesDer(), PrivateKey: key}}}
}

// speak opens a device's Watch stream and waits until the collector has answered.
func (h *house) speak(conf *tls.Config, d *pretended) {
	h.t.Helper()
	conn := h.dial(conf)
	h.t.Cleanup(func() { _ = conn.Close() })
	stream, err := safelightv1.NewAgentServiceClient(conn).Watch(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	st := &safelightv1.AgentStatus{
		Hello: &safelightv1.Hello{Version: "v1.2.0", Protocol: 1}, At: &safelightv1.Clock{Wall: timestamppb.Now()}, Hostname: d.name, Os: "windows",
		PolicyEpoch: 1, PolicySerial: 7, SpoolEpoch: []byte("spool of " + d.name),
		Sources: []*safelightv1.SourceStatus{{Name: "network", State: "running", Seen: 4000}, {Name: "process", State: "running", Seen: 300}},
		Lanes:   []*safelightv1.LaneStatus{{Lane: safelightv1.Severity_SEVERITY_LOW, NextSeq: 4}},
	}
	d.amiss(st)
	held := []model.Position{{Device: d.id, SpoolEpoch: st.GetSpoolEpoch(), Lane: 1, Upto: 3}}
	if err := h.parts.store.SavePositions(h.t.Context(), schoolID, held); err != nil {
		h.t.Fatal(err)
	}
	if err := stream.Send(st); err != nil {
		h.t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		h.t.Fatal(err)
	}
}

// TestTheCoverageLedgerIsRightToTheDevice: a fleet of 1,000 (50 in the quick tests)
// in which is known what is amiss with each; the ledger, its page and what a restart
// finds must say just that.
func TestTheCoverageLedgerIsRightToTheDevice(t *testing.T) {
	n := 50
	if os.Getenv("SAFELIGHT_ACCEPTANCE") != "" {
		n = 1000
	}
	h := newHouse(t)
	ctx, now := t.Context(), time.Now()
	h.must(h.exec(`UPDATE schools SET trial = 0`)) // a trial has five devices (G12)
	h.parts.fleet.Version = "v1.2.0"
	h.must(h.parts.store.PublishPolicy(ctx, model.PolicyVersion{School: schoolID, Epoch: 1, Serial: 7, Issued: now.Add(-2 * time.Hour), By: "test", Reason: "test", Manifest: []byte("m"), Signature: []byte("s")}, nil))
	all := pretend(n)
	h.simulate(all)
	var list []model.Issued
	for _, d := range all {
		if d.listed {
			list = append(list, model.Issued{Key: "serial:" + d.hw.Serial, Serial: d.hw.Serial, Name: d.name, Kind: model.KindWindows, Site: "main"})
		}
	}
	for i := range n / 10 { // issued and never enrolled
		serial := fmt.Sprintf("NEVER%05d", i)
		list = append(list, model.Issued{Key: "serial:" + serial, Serial: serial, Name: fmt.Sprintf("NE-%04d", i), Kind: model.KindWindows, Site: "main"})
	}
	_, err := h.parts.store.ImportInventory(ctx, schoolID, model.Inventory{Name: "intune.csv", Source: "intune", Devices: list}, now)
	h.must(err)
	copies := h.copies(all, n/50)
	issued := n + n/10 + copies

	check := func(when string, f *fleet.Fleet) {
		l, err := f.Ledger(ctx)
		h.must(err)
		wrong := 0
		for _, d := range all {
			if text := d.wrong(l, copies > 0 && d.copied(all, copies)); text != "" && wrong < 10 {
				wrong++
				t.Errorf("%s: %s", when, text)
			}
		}
		if l.Issued != issued || l.Counts[model.StandingNone] != n/10 || l.Lost != uint64(n/20+boolToInt(n%20 > 9)) {
			t.Errorf("%s: %d issued, %d not monitored, %d lost; want %d, %d, %d", when, l.Issued, l.Counts[model.StandingNone], l.Lost, issued, n/10, n/20)
		}
	}
	check("while they are connected", h.parts.fleet)
	h.named(all, issued)
	// After a restart: another collector on what was written down.
	stop, cancel := context.WithCancel(ctx)
	cancel()
	h.must(h.parts.fleet.Run(stop)) // its last flush
	again := fleet.New(h.parts.fleet.Parts)
	h.must(again.Load(ctx))
	check("after a restart", again)
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wrong says in what the ledger is wrong about a device; empty: in nothing.
func (d *pretended) wrong(l model.Ledger, copied bool) string {
	i := slices.IndexFunc(l.Devices, func(e model.LedgerDevice) bool { return e.ID == d.id })
	if i < 0 {
		return d.name + " is not in the ledger"
	}
	e := l.Devices[i]
	var codes, want []string
	for _, c := range e.Causes {
		codes = append(codes, c.Code)
	}
	if d.code != "" {
		want = append(want, d.code)
	}
	if copied {
		want = append(want, model.CauseSameHardware)
	}
	if e.Standing != d.standing || !slices.Equal(codes, want) || e.Name != d.name {
		return fmt.Sprintf("%s stands %s because of %v, want %s because of %v", d.name, e.Standing, codes, d.standing, want)
	}
	return ""
}

// copies splits devices in two, as a copied virtual machine's is: both say the same
// hardware.
func (h *house) copies(all []*pretended, n int) int {
	for i := range n {
		d := all[11+20*i]
		key := []byte(fmt.Sprintf("%032d", i))
		_, err := h.parts.store.SplitDevice(h.t.Context(), schoolID, model.Split{From: d.id, Instance: "copy", Device: model.Device{
			ID: pki.NewDeviceID(), Name: d.name + "-copy", OS: "windows", Site: "main", Enrolled: time.Now(), Expires: time.Now().Add(time.Hour), KeyHash: key, Hardware: d.hw,
		}})
		h.must(err)
	}
	return n
}

func (d *pretended) copied(all []*pretended, n int) bool {
	for i := range n {
		if all[11+20*i] == d {
			return true
		}
	}
	return false
}

// named asks the console as IT: the page has the numbers, and names who is silent.
func (h *house) named(all []*pretended, issued int) {
	t, ctx, now := h.t, h.t.Context(), time.Now()
	t.Helper()
	h.must(h.parts.store.AddUser(ctx, model.User{School: schoolID, ID: "it", Name: "Demo IT", Email: "it@school.example", Duty: model.DutyIT, Created: now}))
	h.must(h.parts.store.AddSession(ctx, model.Session{School: schoolID, Hash: pki.HashSecret("cookie"), User: "it", Created: now, Seen: now, Expires: now.Add(time.Hour)}))
	get := func(path string) string {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "https://console.example"+path, nil)
		r.AddCookie(&http.Cookie{Name: "__Host-safelight", Value: "cookie"})
		w := httptest.NewRecorder()
		h.parts.console.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		return w.Body.String()
	}
	proven, silent := 0, ""
	for from := 0; from <= len(all); from += 50 {
		silent += get(fmt.Sprintf("/devices/all?stand=silent&from=%d", from))
	}
	for _, d := range all {
		if d.standing == model.StandingProven {
			proven++
		}
		if is := d.standing == model.StandingSilent; strings.Contains(silent, ">"+d.name+"<") != is {
			t.Errorf("%s is named among the silent: %t, want %t", d.name, !is, is)
		}
	}
	for _, page := range []string{"/devices", "/coverage"} {
		if want := fmt.Sprintf("%d of %d devices are proven to be monitored", proven, issued); !strings.Contains(get(page), want) {
			t.Errorf("%s does not say %q", page, want)
		}
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) exec(query string) error {
	_, err := h.parts.store.DB().ExecContext(h.t.Context(), query)
	return err
}
