package policy

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"safelight/internal/logging"
	"safelight/internal/pki"
	"safelight/internal/timetable"
	"safelight/internal/wire"
	safelightv1 "safelight/proto/safelight/v1"
)

var morning = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

// overlaid is a device and its school's policy key.
type overlaid struct {
	*Overlays
	t   *testing.T
	dir string
	key crypto.Signer
	id  string
}

func newOverlaid(t *testing.T) *overlaid {
	t.Helper()
	key, err := pki.NewPolicyKey()
	noError(t, err)
	id, err := pki.KeyID(key.Public())
	noError(t, err)
	d := &overlaid{t: t, dir: t.TempDir(), key: key, id: id}
	d.start()
	return d
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start opens what is on disk, as a start of the agent does.
func (d *overlaid) start() {
	d.t.Helper()
	keys := func() []*safelightv1.PolicyKey {
		return []*safelightv1.PolicyKey{{KeyId: d.id, Ed25519Public: d.key.Public().(ed25519.PublicKey)}}
	}
	var err error
	d.Overlays, err = OpenOverlays(d.dir, "hill-lane", keys, slog.New(slog.DiscardHandler))
	noError(d.t, err)
}

func (d *overlaid) signed(body *safelightv1.OverlayBody) *safelightv1.Overlay {
	d.t.Helper()
	if body.School == "" {
		body.School = "hill-lane"
	}
	if body.KeyId == "" {
		body.KeyId = d.id
	}
	if body.Issued == nil {
		body.Issued = timestamppb.New(morning)
	}
	if body.Expires == nil {
		body.Expires = timestamppb.New(morning.Add(24 * time.Hour))
	}
	raw, err := proto.Marshal(body)
	noError(d.t, err)
	sig, err := pki.Sign(d.key, pki.OverlayContext, raw)
	noError(d.t, err)
	return &safelightv1.Overlay{Name: body.GetName(), Serial: body.GetSerial(), Expires: body.GetExpires(), Body: raw, KeyId: body.GetKeyId(), Signature: sig}
}

// games is leave for 10b from games, until so long after the morning.
func games(serial uint64, until time.Duration) *safelightv1.OverlayBody {
	return &safelightv1.OverlayBody{Name: "exemptions", Serial: serial, What: &safelightv1.OverlayBody_Exemptions{Exemptions: &safelightv1.Exemptions{
		Exemptions: []*safelightv1.Exemption{{Group: "10b", Category: "games", Until: timestamppb.New(morning.Add(until))}},
	}}}
}

// moment is so long after the morning by both clocks, in boot one.
func moment(after time.Duration) Moment {
	return Moment{Wall: morning.Add(after), Boot: "one", Mono: time.Hour + after}
}

func (d *overlaid) exempt(now Moment) bool {
	return slices.Contains(d.Exempt(now, []string{"10B", "9q"}), "games")
}

func TestG16LeaveEndsAtTheBellWhateverTheClockOnTheWallSays(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.Apply(d.signed(games(1, 30*time.Minute)), morning, moment(0)))
	back := func(after, by time.Duration) Moment {
		m := moment(after)
		m.Wall = m.Wall.Add(-by)
		return m
	}
	for name, c := range map[string]struct {
		now  Moment
		want bool
	}{
		"at once":                             {moment(0), true},
		"before the bell":                     {moment(30*time.Minute - time.Second), true},
		"at the bell":                         {moment(30 * time.Minute), false},
		"clock turned back an hour":           {back(31*time.Minute, time.Hour), false},
		"clock turned back a day":             {back(31*time.Minute, 24*time.Hour), false},
		"clock turned back within the lesson": {back(10*time.Minute, time.Hour), true},
		"clock turned on":                     {back(10*time.Minute, -time.Hour), false},
		"before it was heard of":              {moment(-time.Minute), false},
		"after a restart of the device":       {Moment{Wall: morning.Add(time.Minute), Boot: "two", Mono: time.Minute}, false},
		"a clock that began anew":             {Moment{Wall: morning.Add(time.Minute), Boot: "one", Mono: 0}, false},
	} {
		if got := d.exempt(c.now); got != c.want {
			t.Errorf("%s: exempt = %t, want %t", name, got, c.want)
		}
		again := d.Overlays
		d.start() // the agent, not the device
		if got := d.exempt(c.now); got != c.want {
			t.Errorf("%s, after the agent was started again: exempt = %t, want %t", name, got, c.want)
		}
		d.Overlays = again
	}
}

// A device that hears late of leave, or with a clock that is wrong, has it for no
// longer: the collector's clock says how much of it is left.
func TestG16LeaveHeardOfLateIsNoLonger(t *testing.T) {
	d := newOverlaid(t)
	slow := Moment{Wall: morning.Add(-6 * time.Hour), Boot: "one", Mono: time.Hour}
	noError(t, d.Apply(d.signed(games(1, 30*time.Minute)), morning.Add(20*time.Minute), slow))
	later := func(after time.Duration) Moment {
		return Moment{Wall: slow.Wall.Add(after), Boot: "one", Mono: slow.Mono + after}
	}
	if !d.exempt(later(9*time.Minute)) || d.exempt(later(10*time.Minute)) {
		t.Error("it does not end ten minutes after it was heard of")
	}
	// Not told what time it is, it goes by when the leave was given.
	d = newOverlaid(t)
	noError(t, d.Apply(d.signed(games(1, 30*time.Minute)), time.Time{}, slow))
	if !d.exempt(later(29*time.Minute)) || d.exempt(later(30*time.Minute)) {
		t.Error("it does not end half an hour after it was heard of")
	}
}

func TestG16HearingTheSameAgainGainsNoTimeAndARestartTakesItUpAgain(t *testing.T) {
	d := newOverlaid(t)
	o := d.signed(games(1, 30*time.Minute))
	noError(t, d.Apply(o, morning, moment(0)))
	noError(t, d.Apply(o, morning, moment(25*time.Minute))) // with a time that is long past
	if d.exempt(moment(30 * time.Minute)) {
		t.Error("hearing it again made it longer")
	}
	rebooted := Moment{Wall: morning.Add(20 * time.Minute), Boot: "two", Mono: time.Minute}
	if d.exempt(rebooted) {
		t.Error("it outlived the boot it was heard of in")
	}
	noError(t, d.Apply(o, morning.Add(20*time.Minute), rebooted))
	late := rebooted
	late.Mono += 10 * time.Minute
	if !d.exempt(rebooted) || d.exempt(late) {
		t.Error("told again after a restart, it does not hold until the bell")
	}
}

func TestG16EndedLeaveIsNotBroughtBackByAnOlderOverlay(t *testing.T) {
	d := newOverlaid(t)
	older := d.signed(games(7, time.Hour))
	noError(t, d.Apply(older, morning, moment(0)))
	none := &safelightv1.OverlayBody{Name: "exemptions", Serial: 8, What: &safelightv1.OverlayBody_Exemptions{Exemptions: &safelightv1.Exemptions{}}}
	noError(t, d.Apply(d.signed(none), morning, moment(time.Minute)))
	for range 2 {
		if err := d.Apply(older, morning, moment(2*time.Minute)); !errors.Is(err, ErrOlderOverlay) || d.exempt(moment(2*time.Minute)) {
			t.Errorf("taken: %v", err)
		}
		d.start()
	}
}

func TestG07LeaveIsOfAClassAndNobodyElse(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.Apply(d.signed(games(1, time.Hour)), morning, moment(0)))
	for _, groups := range [][]string{nil, {}, {""}, {"10"}, {"10bb"}, {"9q"}} {
		if got := d.Exempt(moment(time.Minute), groups); len(got) != 0 {
			t.Errorf("groups %q have leave from %q", groups, got)
		}
	}
	nobody := games(2, time.Hour)
	nobody.GetExemptions().Exemptions[0].Group = ""
	if err := d.Apply(d.signed(nobody), morning, moment(0)); err == nil {
		t.Error("leave without a class was taken")
	}
}

func TestOverlayThatTheSchoolDidNotSignIsRefused(t *testing.T) {
	d, other := newOverlaid(t), newOverlaid(t)
	for name, forge := range map[string]func() *safelightv1.Overlay{
		"another's key": func() *safelightv1.Overlay { return other.signed(games(1, time.Hour)) },
		"another's key under our id": func() *safelightv1.Overlay {
			b := games(1, time.Hour)
			b.KeyId = d.id
			return other.signed(b)
		},
		"another school's": func() *safelightv1.Overlay {
			b := games(1, time.Hour)
			b.School = "elsewhere"
			return d.signed(b)
		},
		"a byte changed":       func() *safelightv1.Overlay { o := d.signed(games(1, time.Hour)); o.Body[9] ^= 1; return o },
		"another name on it":   func() *safelightv1.Overlay { o := d.signed(games(1, time.Hour)); o.Name = "sites"; return o },
		"another serial on it": func() *safelightv1.Overlay { o := d.signed(games(1, time.Hour)); o.Serial = 99; return o },
		"another end on it": func() *safelightv1.Overlay {
			o := d.signed(games(1, time.Hour))
			o.Expires = timestamppb.New(morning.Add(48 * time.Hour))
			return o
		},
		"under another name": func() *safelightv1.Overlay {
			b := games(1, time.Hour)
			b.Name = "timetable"
			return d.signed(b)
		},
		"a policy's signature": func() *safelightv1.Overlay {
			o := d.signed(games(1, time.Hour))
			sig, err := pki.Sign(d.key, pki.PolicyContext, o.GetBody())
			noError(t, err)
			o.Signature = sig
			return o
		},
		"of a kind unknown": func() *safelightv1.Overlay { return d.signed(&safelightv1.OverlayBody{Name: "later", Serial: 1}) },
		"too large": func() *safelightv1.Overlay {
			b := games(1, time.Hour)
			b.GetExemptions().Exemptions[0].Category = string(make([]byte, maxOverlayBytes))
			return d.signed(b)
		},
		"nothing": func() *safelightv1.Overlay { return &safelightv1.Overlay{} },
	} {
		if err := d.Apply(forge(), morning, moment(0)); err == nil || d.exempt(moment(0)) || len(d.Serials()) != 0 {
			t.Errorf("%s: taken (%v)", name, err)
		}
	}
}

func TestOverlaysOnABrokenDiskStopNobody(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.Apply(d.signed(games(3, time.Hour)), morning, moment(0)))
	file := filepath.Join(d.dir, "exemptions.json")
	data, err := os.ReadFile(file)
	noError(t, err)
	for name, text := range map[string]string{"cut short": string(data[:len(data)/2]), "empty": "", "of another": `{"overlay":"AAAA","serial":9}`} {
		noError(t, os.WriteFile(file, []byte(text), 0o600))
		d.start()
		if d.exempt(moment(0)) {
			t.Errorf("%s: it gives leave", name)
		}
	}
	noError(t, os.Remove(file))
	d.start()
	noError(t, d.Apply(d.signed(games(3, time.Hour)), morning, moment(0)))
	if !d.exempt(moment(0)) {
		t.Error("it does not recover")
	}
}

// Leave that has ended was signed once too: a device whose file breaks takes what it
// held again, and nothing older.
func TestG16ABrokenOverlayFileLetsNoOlderLeaveBackIn(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.Apply(d.signed(games(4, time.Hour)), morning, moment(0)))
	noError(t, d.Apply(d.signed(games(5, time.Minute)), morning, moment(0)))
	for name, damage := range map[string]string{"broken": "{\"overlay\": \"abc", "of another kind": "[]", "empty": "", "without its serial": "{}"} {
		noError(t, os.WriteFile(filepath.Join(d.dir, "exemptions.json"), []byte(damage), 0o600))
		d.start()
		if err := d.Apply(d.signed(games(4, time.Hour)), morning, moment(time.Second)); !errors.Is(err, ErrOlderOverlay) {
			t.Errorf("%s: an older one was taken: %v", name, err)
		}
		if d.exempt(moment(2 * time.Minute)) {
			t.Errorf("%s: leave that was taken back holds again", name)
		}
		noError(t, d.Apply(d.signed(games(5, time.Minute)), morning, moment(time.Second)))
		if !d.exempt(moment(2 * time.Second)) {
			t.Errorf("%s: the one that was held does not come back", name)
		}
	}
	noError(t, os.Remove(filepath.Join(d.dir, "exemptions.json")))
	d.start()
	if err := d.Apply(d.signed(games(4, time.Hour)), morning, moment(time.Second)); !errors.Is(err, ErrOlderOverlay) {
		t.Errorf("gone: an older one was taken: %v", err)
	}
}

func TestABrokenFileOfSerialsStopsNobody(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.Apply(d.signed(games(5, time.Hour)), morning, moment(0)))
	noError(t, os.WriteFile(filepath.Join(d.dir, "serials"), []byte("{"), 0o600))
	d.start()
	if !d.exempt(moment(time.Second)) {
		t.Error("what is held no longer holds")
	}
	if err := d.Apply(d.signed(games(4, time.Hour)), morning, moment(time.Second)); !errors.Is(err, ErrOlderOverlay) {
		t.Errorf("an older one was taken: %v", err)
	}
	noError(t, d.Apply(d.signed(games(6, time.Hour)), morning, moment(time.Second)))
}

func TestPeriodsComeFromTheTimetableUntilItEnds(t *testing.T) {
	d := newOverlaid(t)
	if got := d.Periods("", morning); got != nil {
		t.Errorf("without a timetable %q", got)
	}
	table, err := timetable.Read("t", []byte("zone: Europe/London\nperiods: [{name: P2, kind: lesson, from: '09:00', to: '10:00'}]\nterms: [{from: 2026-09-03, to: 2026-12-18}]\n"))
	noError(t, err)
	body := &safelightv1.OverlayBody{Name: "timetable", Serial: 1, What: &safelightv1.OverlayBody_Timetable{Timetable: wire.Timetable(table.Plan())}}
	noError(t, d.Apply(d.signed(body), morning, moment(0)))
	d.start()
	for range 2 { // the second is remembered
		if got := d.Periods("", morning); !slices.Equal(got, []string{"school-day", "lesson", "p2"}) {
			t.Errorf("periods = %q", got)
		}
	}
	if got := d.Periods("", morning.Add(time.Hour)); !slices.Equal(got, []string{"out-of-hours"}) {
		t.Errorf("an hour on = %q", got)
	}
	if got := d.Periods("", morning.Add(25*time.Hour)); got != nil {
		t.Errorf("after its end %q", got)
	}
	bad := proto.Clone(body).(*safelightv1.OverlayBody)
	bad.Serial, bad.GetTimetable().Zone = 2, "Europe/Nowhere"
	if err := d.Apply(d.signed(bad), morning, moment(0)); err == nil || d.Serials()["timetable"] != 1 {
		t.Errorf("a timetable of no zone was taken: %v", err)
	}
}

func TestPremisesAreJudgedFromAddresses(t *testing.T) {
	prefixes := func(all ...string) (list []netip.Prefix) {
		for _, s := range all {
			list = append(list, netip.MustParsePrefix(s))
		}
		return list
	}
	sites := []place{
		{name: "main", networks: prefixes("10.20.0.0/16", "2001:db8:1::/48")},
		{name: "manor", networks: prefixes("192.168.1.0/24"), suffixes: []string{"manor.school.example"}, unfiltered: true},
		{name: "library", networks: prefixes("10.20.7.0/24")},
		{name: "bus", unfiltered: true},
	}
	for name, c := range map[string]struct {
		home     string
		addrs    []string
		suffixes []string
		want     Place
	}{
		"at its own site":               {"main", []string{"127.0.0.1", "fe80::1", "10.20.3.4"}, nil, Place{"on", "main", false}},
		"in the narrower network":       {"main", []string{"10.20.7.9"}, nil, Place{"on", "library", false}},
		"by IPv6":                       {"", []string{"2001:db8:1:5::9"}, nil, Place{"on", "main", false}},
		"mapped":                        {"", []string{"::ffff:10.20.3.4"}, nil, Place{"on", "main", false}},
		"at another, which has none":    {"main", []string{"192.168.1.20"}, []string{"wifi.Manor.school.example."}, Place{"on", "manor", true}},
		"at home in the same addresses": {"manor", []string{"192.168.1.20"}, []string{"home.arpa"}, Place{"off", "manor", false}},
		"a name like it":                {"manor", []string{"192.168.1.20"}, []string{"notmanor.school.example"}, Place{"off", "manor", false}},
		"at home":                       {"main", []string{"192.168.0.7"}, nil, Place{"off", "main", false}},
		"nowhere":                       {"main", []string{"127.0.0.1", "fe80::1"}, nil, Place{"", "main", false}},
		"its site has no networks":      {"bus", []string{"192.168.0.7"}, nil, Place{"", "bus", true}},
		"of no site, elsewhere":         {"", []string{"192.168.0.7"}, nil, Place{"off", "", false}},
	} {
		n := Network{Suffixes: c.suffixes}
		for _, a := range c.addrs {
			n.Addrs = append(n.Addrs, netip.MustParseAddr(a))
		}
		if got := whereIs(n, sites, c.home); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got := whereIs(Network{Addrs: []netip.Addr{netip.MustParseAddr("10.1.1.1")}}, nil, "main"); got != (Place{Site: "main"}) {
		t.Errorf("without sites: %+v", got)
	}
}

// A home's network must never be taken for the school's: a fact of it would leave
// the device.
func TestG11OnlyANetworkThatIsCertainlyTheSchoolsIsOne(t *testing.T) {
	sites := []place{
		{name: "main", networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("100.64.0.0/16")}},
		{name: "manor", networks: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, suffixes: []string{"manor.school.example"}},
	}
	for name, c := range map[string]struct {
		links  []string
		suffix string
		want   string
	}{
		"by a domain that was handed out":     {[]string{"192.168.4.20/24"}, "manor.school.example", "manor [192.168.4.0/24]"},
		"by addresses of its own":             {[]string{"203.0.113.77/26", "2001:db8:1:5::9/64"}, "", "main [203.0.113.64/26 2001:db8:1:5::/64]"},
		"an address that was handed out":      {[]string{"2001:db8:1:5::9/128", "2001:db8:1:5::10/64"}, "", "main [2001:db8:1:5::/64]"},
		"mapped":                              {[]string{"::ffff:203.0.113.77/122"}, "", "main [203.0.113.64/26]"},
		"an address anybody may have":         {[]string{"10.20.3.4/24"}, "", "main []"},
		"a carrier's":                         {[]string{"100.64.0.9/24"}, "", "main []"},
		"one of no network":                   {[]string{"203.0.113.77/32"}, "", "main []"},
		"at home in the same addresses":       {[]string{"192.168.4.20/24"}, "home.arpa", " []"},
		"at home":                             {[]string{"172.16.0.9/24"}, "", " []"},
		"beside the school's, somebody's own": {[]string{"203.0.113.77/26", "192.168.9.2/24"}, "", "main [203.0.113.64/26]"},
	} {
		n := Network{Suffixes: []string{c.suffix}}
		for _, l := range c.links {
			link := netip.MustParsePrefix(l)
			n.Addrs, n.Links = append(n.Addrs, link.Addr()), append(n.Links, link)
		}
		site, nets := schoolNets(n, sites, "")
		if got := fmt.Sprintf("%s %v", site, nets); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestG11AMalformedOverlayIsSaidWithoutItsNames(t *testing.T) {
	d := newOverlaid(t)
	table := wire.Timetable(timetable.Plan{})
	table.Zone = "Inventedzone"
	for _, body := range []*safelightv1.OverlayBody{
		{Name: "sites", Serial: 1, What: &safelightv1.OverlayBody_Sites{Sites: &safelightv1.Sites{Sites: []*safelightv1.Site{{Name: "Invented House", Networks: []string{"Inventednet"}}}}}},
		{Name: "timetable", Serial: 1, What: &safelightv1.OverlayBody_Timetable{Timetable: table}},
	} {
		err := d.Apply(d.signed(body), morning, moment(0))
		if err == nil || !strings.Contains(err.Error(), "Invented") {
			t.Fatalf("%s: whoever may read it reads %v", body.GetName(), err)
		}
		if said := logging.Say(err); strings.Contains(said, "Invented") || !strings.Contains(said, body.GetName()+".1") {
			t.Errorf("a log says %q", said)
		}
	}
}

func TestTheDevicesSiteIsKept(t *testing.T) {
	d := newOverlaid(t)
	noError(t, d.SetSite("manor"))
	d.start()
	sites := &safelightv1.OverlayBody{Name: "sites", Serial: 1, What: &safelightv1.OverlayBody_Sites{Sites: &safelightv1.Sites{Sites: []*safelightv1.Site{{Name: "Manor", Unfiltered: true}}}}}
	noError(t, d.Apply(d.signed(sites), morning, moment(0)))
	if got := d.Premises(Network{}, morning); !reflect.DeepEqual(got, Place{Site: "manor", Unfiltered: true}) {
		t.Errorf("place = %+v", got)
	}
}

func FuzzOverlay(f *testing.F) {
	key, err := pki.NewPolicyKey()
	if err != nil {
		f.Fatal(err)
	}
	id, _ := pki.KeyID(key.Public())
	body, _ := proto.Marshal(games(1, time.Hour))
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &overlaid{t: t, dir: t.TempDir(), key: key, id: id}
		d.start()
		m := &safelightv1.OverlayBody{}
		if proto.Unmarshal(body, m) != nil {
			return
		}
		if err := d.Apply(d.signed(m), morning, moment(0)); err != nil {
			return
		}
		_ = d.Periods("", morning)
		_ = d.Premises(Network{Addrs: []netip.Addr{netip.MustParseAddr("10.1.1.1")}}, morning)
		d.start()
		if d.Serials()[m.GetName()] != m.GetSerial() {
			t.Error("taken and not kept")
		}
	})
}
