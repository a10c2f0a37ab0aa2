package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"safelight/collector/admin"
	"safelight/collector/enrol"
	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/collector/store"
	"safelight/internal/pki"
)

// keys are the school's signing keys and how they follow one another:
//
//	policy.key            signs rules
//	policy-next.key       will; devices accept it already
//	policy-old.key        did; devices accept it until it is retired
//	recovery.key          gives leave to begin a policy epoch; to be taken offline
//	policy-recovery.pub   its public part, which stays
type keys struct {
	dir       string
	authority *enrol.Authority
	ring      *policy.Ring
	recovery  ed25519.PublicKey
	store     *store.Store
	now       func() time.Time

	publisher *policy.Publisher // set by adminVerbs
	changed   func()
}

func (k *keys) path(name string) string { return filepath.Join(k.dir, name) }

// openKeys opens the policy keys, making what is missing. A change of policy key
// that was cut short counts once the store holds rules signed by the new one.
func openKeys(ctx context.Context, dir string, a *enrol.Authority, st *store.Store, now func() time.Time) (*keys, error) {
	k := &keys{dir: dir, authority: a, store: st, now: now, changed: func() {}}
	latest, _, err := st.LatestPolicy(ctx, schoolID)
	if err != nil {
		return nil, err
	}
	if next, err := pki.LoadKey(k.path("policy-next.key")); err == nil {
		if id, err := pki.KeyID(next.Public()); err == nil && id == latest.KeyID {
			if err := k.promote(); err != nil {
				return nil, err
			}
		}
	}
	if k.recovery, err = k.openRecovery(); err != nil {
		return nil, fmt.Errorf("opening the recovery key: %w", err)
	}
	present, also, err := k.load()
	if err != nil {
		return nil, err
	}
	k.ring, err = policy.NewRing(present, also...)
	return k, err
}

// load reads the key that signs, and those accepted beside it.
func (k *keys) load() (present crypto.Signer, also []crypto.PublicKey, err error) {
	if present, err = pki.LoadOrMakeKey(k.path("policy.key"), pki.NewPolicyKey); err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"policy-next.key", "policy-old.key"} {
		key, err := pki.LoadKey(k.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		also = append(also, key.Public())
	}
	return present, also, nil
}

func (k *keys) reload() error {
	present, also, err := k.load()
	if err != nil {
		return err
	}
	return k.ring.Set(present, also...)
}

// promote puts the next policy key into place; done half, it is done again.
func (k *keys) promote() error {
	if _, err := os.Stat(k.path("policy-old.key")); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(k.path("policy.key"), k.path("policy-old.key")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("putting the new policy key into place: %w", err)
		}
	}
	if err := os.Rename(k.path("policy-next.key"), k.path("policy.key")); err != nil {
		return fmt.Errorf("putting the new policy key into place: %w", err)
	}
	return nil
}

// openRecovery reads the recovery key's public part; where there is none yet,
// the key is made.
func (k *keys) openRecovery() (ed25519.PublicKey, error) {
	data, err := os.ReadFile(k.path("policy-recovery.pub"))
	if errors.Is(err, fs.ErrNotExist) {
		return k.makeRecovery()
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is damaged; restore it from a backup", k.path("policy-recovery.pub"))
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged; restore it from a backup: %w", k.path("policy-recovery.pub"), err)
	}
	key, ok := pub.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, want Ed25519; restore it from a backup", k.path("policy-recovery.pub"), pub)
	}
	return key, nil
}

func (k *keys) makeRecovery() (ed25519.PublicKey, error) {
	key, err := pki.LoadOrMakeKey(k.path("recovery.key"), pki.NewPolicyKey)
	if err != nil {
		return nil, err
	}
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, want Ed25519", k.path("recovery.key"), key)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return pub, pki.WriteSecret(k.path("policy-recovery.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// ID implements admin.Keys.
func (k *keys) ID(kind string) string {
	var pub crypto.PublicKey
	switch kind {
	case "root":
		pub = k.authority.Root().PublicKey
	case "issuing":
		pub = k.authority.IssuingKey()
	case "policy":
		present, _ := k.ring.Present()
		pub = present.Public()
	default:
		return ""
	}
	id, err := pki.KeyID(pub)
	if err != nil {
		return "" // they are keys we made
	}
	return id
}

// Rotate implements admin.Keys.
func (k *keys) Rotate(ctx context.Context, req admin.KeyRotate, by string) (string, error) {
	do, ok := map[string]func() (string, error){
		"root":           func() (string, error) { return announced, k.authority.AnnounceRoot(k.now()) },
		"root use":       func() (string, error) { return used, k.authority.UseRoot(k.now()) },
		"root retire":    func() (string, error) { return "the former root is retired", k.retireRoot(ctx, req.Force) },
		"issuing":        func() (string, error) { return rotated, k.authority.RotateIssuing(k.now()) },
		"issuing retire": func() (string, error) { return "former issuing keys are retired", k.retireIssuing(ctx, req.Force) },
		"policy":         func() (string, error) { return k.rotatePolicy(ctx, req.Recovery, by) },
		"policy retire":  func() (string, error) { return "the former policy key is retired", k.retirePolicy(ctx, req.Force) },
	}[req.What+map[bool]string{true: " "}[req.Step != ""]+req.Step]
	if !ok {
		return "", fmt.Errorf("rotating a key: there is no step %q of %q: want root [--use|--retire], issuing [--retire] or policy [--retire]", req.Step, req.What)
	}
	said, err := do()
	k.changed()
	return said, err
}

const (
	announced = "a new root is made and handed out; when the devices have heard of it, `key rotate root --use`"
	used      = "the new root is in use; devices that know only the old one still connect, until `key rotate root --retire`"
	rotated   = "a new issuing key is in use; devices that are connected renew now; then `key rotate issuing --retire`"
)

func (k *keys) rotatePolicy(ctx context.Context, recoveryPath, by string) (string, error) {
	if _, err := os.Stat(k.path("policy-old.key")); err == nil {
		return "", errors.New("rotating the policy key: the one before is not retired yet; `key rotate policy --retire` first")
	}
	if recoveryPath == "" {
		recoveryPath = k.path("recovery.key")
	}
	recovery, err := pki.LoadKey(recoveryPath)
	if err != nil {
		return "", fmt.Errorf("rotating the policy key: it takes the recovery key: %w; give --recovery with the file that was taken offline", err)
	}
	if pub, ok := recovery.Public().(ed25519.PublicKey); !ok || !bytes.Equal(pub, k.recovery) {
		return "", fmt.Errorf("rotating the policy key: %s is not this school's recovery key", recoveryPath)
	}
	next, err := pki.LoadOrMakeKey(k.path("policy-next.key"), pki.NewPolicyKey)
	if err != nil {
		return "", err
	}
	if err := k.reload(); err != nil {
		return "", err
	}
	k.changed() // devices accept the key before anything is signed by it
	_, published, err := k.store.LatestPolicy(ctx, schoolID)
	if err == nil && published {
		_, err = k.publisher.StartEpoch(ctx, recovery, next, by, "The key that signs rules was replaced.")
	}
	if err == nil {
		err = k.promote()
	}
	if err == nil {
		err = k.reload()
	}
	return "a new policy key signs, in a new epoch; devices that were away accept the old one until `key rotate policy --retire`", err
}

func (k *keys) retirePolicy(ctx context.Context, force bool) error {
	v, ok, err := k.store.LatestPolicy(ctx, schoolID)
	if err != nil {
		return err
	}
	if ok {
		if err := k.waitFor(ctx, force, func(d model.Device) bool { return d.LastSeen.Before(v.Issued) }); err != nil {
			return fmt.Errorf("retiring the policy key: %w", err)
		}
	}
	if err := os.Remove(k.path("policy-old.key")); err != nil {
		return fmt.Errorf("retiring the policy key: there is none but the present one: %w", err)
	}
	return k.reload()
}

func (k *keys) retireRoot(ctx context.Context, force bool) error {
	since := pki.Made(k.authority.Root())
	if err := k.waitFor(ctx, force, func(d model.Device) bool { return d.LastSeen.Before(since) }); err != nil {
		return fmt.Errorf("retiring a root: %w", err)
	}
	return k.authority.RetireRoot(k.now())
}

func (k *keys) retireIssuing(ctx context.Context, force bool) error {
	since := k.authority.IssuingSince().Truncate(time.Second)
	if err := k.waitFor(ctx, force, func(d model.Device) bool { return d.Expires.Add(-pki.DeviceLife).Before(since) }); err != nil {
		return fmt.Errorf("retiring an issuing authority: %w", err)
	}
	return k.authority.RetireIssuing(k.now())
}

// waitFor refuses while a device would be cut off.
func (k *keys) waitFor(ctx context.Context, force bool, behind func(model.Device) bool) error {
	devices, err := k.store.Devices(ctx, schoolID)
	if err != nil || force {
		return err
	}
	n, one := 0, ""
	for _, d := range devices {
		if d.Revoked.IsZero() && behind(d) {
			n, one = n+1, d.ID
		}
	}
	if n > 0 {
		return fmt.Errorf("%d devices have not followed yet, %s for one, and would have to enrol again; wait for them, revoke them, or give --force", n, one)
	}
	return nil
}
