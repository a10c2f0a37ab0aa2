package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/internal/logging"
	"safelight/internal/pki"
	safelightv1 "safelight/proto/safelight/v1"
)

// maxOverlayBytes bounds an overlay: far more than any school's hours.
const maxOverlayBytes = 256 << 10

// ErrOlderOverlay means that an overlay is older than the one held.
var ErrOlderOverlay = errors.New("older than the one held")

// Moment is one moment by the device's clocks: the one on the wall, which can be
// set, and one that counts within a boot and cannot.
type Moment struct {
	Wall time.Time
	Boot string
	Mono time.Duration
}

// Overlays keeps what the collector adds to the policy for a while: leave for
// classes, the school's hours, its sites. Each has a serial of its own and is on
// disk before it is judged by; the serials lie in a file of their own besides.
//
// An overlay ends at the earlier of its time on the wall's clock and as long
// after its receipt on the clock that counts within a boot: setting a clock back
// gains nothing. How long that is goes by the collector's clock at receipt. What
// was received in another boot cannot be measured: leave given then is over until
// the collector says it again, hours and sites go by the wall's clock.
type Overlays struct {
	dir    string
	school string
	keys   func() []*safelightv1.PolicyKey
	log    *slog.Logger

	mu   sync.Mutex // held over Apply and SetSite; guards held, high and home
	held map[string]held
	high map[string]uint64 // the highest serial taken, by name; see overlay_serials.go
	home string            // the site that the device was enrolled for

	view atomic.Pointer[view]
}

// held is an overlay as it lies on disk.
type held struct {
	Overlay  []byte        `json:"overlay"`  // serialised, as it was received
	Serial   uint64        `json:"serial"`   // of it
	At       time.Time     `json:"at"`       // of receipt, by the collector's clock
	Boot     string        `json:"boot"`     // that it was received in
	Mono     time.Duration `json:"mono"`     // then
	Received time.Time     `json:"received"` // by the wall's clock
}

// OpenOverlays reads the overlays under dir, making the folder where it is
// missing. One that no longer verifies is left out, and its serial kept.
func OpenOverlays(dir, school string, keys func() []*safelightv1.PolicyKey, log *slog.Logger) (*Overlays, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of overlays: %w", err)
	}
	o := &Overlays{dir: dir, school: school, keys: keys, log: log, held: map[string]held{}}
	o.high = o.readSerials()
	v := &view{}
	for _, name := range overlayNames {
		h, err := o.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			if err = o.take(v, h); err != nil {
				h.Boot = "" // taken anew when it is sent again
			}
			o.held[name] = h
			o.high[name] = max(o.high[name], h.Serial)
		}
		if err != nil {
			log.Error("a stored overlay cannot be used", "which", name, "error", logging.Say(err))
		}
	}
	home, err := os.ReadFile(filepath.Join(dir, homeFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the device's site: %w", err)
	}
	o.home, v.home = string(home), string(home)
	o.view.Store(v)
	return o, nil
}

// homeFile holds the name of the device's own site.
const homeFile = "site"

func (o *Overlays) file(name string) string { return filepath.Join(o.dir, name+".json") }

func (o *Overlays) read(name string) (h held, err error) {
	data, err := os.ReadFile(o.file(name))
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("reading overlay %s: %w", name, err)
	}
	return h, nil
}

// Apply takes an overlay over, or returns why not and changes nothing. server is
// the collector's clock at this moment; zero: it was not told. The same serial
// again is taken as word that it still holds, after a boot in which it was not
// received.
func (o *Overlays) Apply(in *safelightv1.Overlay, server time.Time, now Moment) error {
	body, err := o.verify(in)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	was, ok := o.held[in.GetName()]
	switch {
	case in.GetSerial() < o.high[in.GetName()]:
		return fmt.Errorf("applying overlay %s.%d: %w (%d)", in.GetName(), in.GetSerial(), ErrOlderOverlay, o.high[in.GetName()])
	case ok && in.GetSerial() == was.Serial && was.Boot == now.Boot && now.Mono >= was.Mono:
		return nil
	}
	raw, err := proto.Marshal(in)
	if err != nil {
		return fmt.Errorf("applying overlay %s: %w", in.GetName(), err)
	}
	h := held{Overlay: raw, Serial: in.GetSerial(), At: laterOf(server, body.GetIssued().AsTime()), Boot: now.Boot, Mono: now.Mono, Received: now.Wall}
	v := o.view.Load().clone()
	if err := o.take(v, h); err != nil {
		return err
	}
	data, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("applying overlay %s: %w", in.GetName(), err)
	}
	if err := o.raiseSerial(in.GetName(), in.GetSerial()); err != nil {
		return err
	}
	if err := pki.WriteSecret(o.file(in.GetName()), data); err != nil {
		return fmt.Errorf("keeping overlay %s: %w", in.GetName(), err)
	}
	o.held[in.GetName()] = h
	o.view.Store(v)
	return nil
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// SetSite keeps of which site the device is.
func (o *Overlays) SetSite(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if name == o.home {
		return nil
	}
	if err := pki.WriteSecret(filepath.Join(o.dir, homeFile), []byte(name)); err != nil {
		return fmt.Errorf("keeping the device's site: %w", err)
	}
	v := o.view.Load().clone()
	o.home, v.home = name, name
	o.view.Store(v)
	return nil
}

// Serials are those held, by name.
func (o *Overlays) Serials() map[string]uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[string]uint64, len(o.held))
	for name, h := range o.held {
		all[name] = h.Serial
	}
	return all
}

// verify checks the signature over the stored bytes, then what they say.
func (o *Overlays) verify(in *safelightv1.Overlay) (*safelightv1.OverlayBody, error) {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("verifying overlay: %w", fmt.Errorf(format, args...))
	}
	if n := len(in.GetBody()); n > maxOverlayBytes {
		return nil, refuse("%d bytes, at most %d", n, maxOverlayBytes)
	}
	if !o.signedByUs(in) {
		return nil, refuse("signature by key %q does not hold; only the school's own collector signs overlays", in.GetKeyId())
	}
	body := &safelightv1.OverlayBody{}
	if err := proto.Unmarshal(in.GetBody(), body); err != nil {
		return nil, refuse("%w", err)
	}
	switch {
	case body.GetSchool() != o.school:
		return nil, refuse("it is for school %q, this device belongs to %q", body.GetSchool(), o.school)
	case body.GetKeyId() != in.GetKeyId() || body.GetName() != in.GetName() || body.GetSerial() != in.GetSerial():
		return nil, refuse("what stands around it is not what was signed")
	case !body.GetIssued().IsValid() || !body.GetExpires().IsValid() || !in.GetExpires().AsTime().Equal(body.GetExpires().AsTime()):
		return nil, refuse("it does not say when it was issued and when it ends")
	}
	return body, nil
}

func (o *Overlays) signedByUs(in *safelightv1.Overlay) bool {
	for _, k := range o.keys() {
		if k.GetKeyId() == in.GetKeyId() && pki.Verify(k.GetEd25519Public(), pki.OverlayContext, in.GetBody(), in.GetSignature()) {
			return true
		}
	}
	return false
}
