package console

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/collector/fleet"
	"safelight/collector/model"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// desk is the real fleet over the real store, and the verbs that IT has.
type desk struct {
	*fleet.Fleet
	h      *house
	checks map[string]fleet.Checked
	made   int
}

func (h *house) newDesk() *desk {
	d := &desk{h: h, checks: map[string]fleet.Checked{}}
	d.Fleet = fleet.New(fleet.Parts{
		Store: h.store, School: school, Log: slog.New(slog.DiscardHandler), Version: "v1.2.0",
		Now:    func() time.Time { return h.now().In(london(h.t)) },
		Checks: func(context.Context) (map[string]fleet.Checked, error) { return d.checks, nil },
	})
	return d
}

func london(t interface{ Fatal(...any) }) *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func (d *desk) Revoke(ctx context.Context, id string) error {
	return d.h.store.RevokeDevice(ctx, school, id, d.h.now())
}

func (d *desk) CopiesOf(ctx context.Context, of string) ([]model.Device, error) {
	return d.h.store.CopiesOf(ctx, school, of)
}

func (d *desk) RevokeCopies(ctx context.Context, r model.RevokeCopies) ([]string, error) {
	return d.h.store.RevokeCopies(ctx, school, r, d.h.now())
}

func (d *desk) NewToken(ctx context.Context, site string, uses int, life time.Duration) (model.NewToken, error) {
	d.made++
	secret := fmt.Sprintf("SL1.an-invented-token-%d", d.made)
	t := model.Token{School: school, ID: fmt.Sprint("made", d.made), Hash: pki.HashSecret(secret), Site: site, Uses: uses, Created: d.h.now(), Expires: d.h.now().Add(life)}
	return model.NewToken{ID: t.ID, Token: secret, Site: site, Uses: uses, Expires: t.Expires}, d.h.store.AddToken(ctx, t)
}

func (d *desk) EndToken(ctx context.Context, id string) error {
	return d.h.store.EndToken(ctx, school, id, d.h.now())
}

// term fills the ledger with devices of most standings, beside the five that the
// house has: an export of 20, of which 16 are enrolled, and typed numbers.
func (h *house) term() {
	t := h.t
	_, err := h.store.DB().ExecContext(t.Context(), `UPDATE schools SET trial = 0`) // for more devices than a trial has
	must(t, err)
	must(t, h.store.SetSite(t.Context(), school, model.Site{Name: "main"}, monday, noOverlay))
	var issued []model.Issued
	for i := range 20 {
		issued = append(issued, model.Issued{Key: fmt.Sprint("serial:5CD", 1000+i), Serial: fmt.Sprint("5CD", 1000+i), Name: fmt.Sprintf("LT-%03d", 101+i), Kind: model.KindWindows, Site: "main", Group: "Trolley B"})
	}
	_, err = h.store.ImportInventory(t.Context(), school, model.Inventory{Name: "intune-devices.csv", Source: "intune", Devices: issued}, monday.AddDate(0, 0, -3))
	must(t, err)
	for _, e := range []model.Expected{{Kind: model.KindTablet, Site: "main", Count: 32, InLog: true}, {Kind: model.KindGuest, Count: 12}} {
		must(t, h.store.SetExpected(t.Context(), school, e, monday))
	}
	amiss := map[int]func(st *safelightv1.AgentStatus){
		0: func(st *safelightv1.AgentStatus) { st.Hidden = map[string]uint64{"encrypted_dns": 214} },
		1: func(st *safelightv1.AgentStatus) {
			st.Sources[1].State, st.Sources[1].Detail = "unavailable", "the session could not be opened: run the service as its own account"
		},
		3: func(st *safelightv1.AgentStatus) { st.At.Wall = timestamppb.New(monday.Add(9 * time.Minute)) },
		4: func(st *safelightv1.AgentStatus) {
			st.Sources = append(st.Sources, &safelightv1.SourceStatus{Name: "weblog:squid:/var/log/squid/access.log", State: "running", Seen: 120_000})
		},
		5: func(st *safelightv1.AgentStatus) { st.Hello.Version = "v1.1.0" },
	}
	silent := map[int]time.Time{14: monday.AddDate(0, 0, -4).Add(8 * time.Hour), 15: monday.AddDate(0, 0, -11)}
	for i := range 16 {
		id := fmt.Sprintf("lt%d", i)
		h.enrolled(id, fmt.Sprintf("LT-%03d", 101+i))
		if at, is := silent[i]; is {
			must(t, h.store.TouchDevices(t.Context(), school, map[string]time.Time{id: at}))
			continue
		}
		if i != 2 {
			h.desk.checks[id] = fleet.Checked{At: monday.AddDate(0, 0, -3), Passed: true, System: "Windows 11 Pro 24H2"}
		}
		h.say(id, amiss[i])
	}
	must(t, h.store.NoteDeviceHealth(t.Context(), school, "lt1", "source-lost", "Programs are not seen any more.", monday.Add(-time.Hour)))
}

// say has a device say how it is, a minute ago.
func (h *house) say(id string, amiss func(*safelightv1.AgentStatus)) {
	at := h.now().Add(-time.Minute)
	st := &safelightv1.AgentStatus{
		Hello: &safelightv1.Hello{Version: "v1.2.0"}, At: &safelightv1.Clock{Wall: timestamppb.New(at)}, Os: "windows",
		PolicyEpoch: 1, PolicySerial: 1,
		Sources: []*safelightv1.SourceStatus{{Name: "network", State: "running", Way: "etw", Seen: 4210}, {Name: "process", State: "running", Way: "etw", Seen: 390}},
	}
	if amiss != nil {
		amiss(st)
	}
	h.desk.Status(school, id, st, at)
}

func noOverlay(in model.OverlayInput, now time.Time) (model.Overlay, error) {
	return model.Overlay{Name: in.Name, Serial: in.Serial, Issued: now, Expires: now.Add(time.Hour)}, nil
}

// enrolled adds a device that has never been heard from.
func (h *house) enrolled(id, name string) {
	h.t.Helper()
	token, key := sha256.Sum256([]byte("token "+id)), sha256.Sum256([]byte(id))
	must(h.t, h.store.AddToken(h.t.Context(), model.Token{School: school, ID: "token " + id, Hash: token[:], Uses: 1, Site: "main", Created: monday, Expires: monday.Add(time.Hour)}))
	must(h.t, h.store.Enrol(h.t.Context(), school, token[:], monday, model.Device{
		School: school, ID: id, Name: name, OS: "windows", Arch: "amd64", Enrolled: monday.AddDate(0, -2, 0), Expires: monday.AddDate(0, 1, 0), KeyHash: key[:],
	}))
}
