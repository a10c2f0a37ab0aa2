package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/collector/backup"
	"safelight/collector/model"
	"safelight/collector/store"
	"safelight/internal/localstate"
	"safelight/internal/pki"
)

// epochKeyFile is the other recovery key, which gives leave to begin a policy
// epoch. Restore looks for it beside the one that opens backups.
const epochKeyFile = "recovery.key"

// RestoreOptions are what Restore is given.
type RestoreOptions struct {
	File        string // the backup
	RecoveryKey string // the file recovery.txt
	// Keyring is the file that opens names and words; empty: the one beside the
	// backup; "none": restore without.
	Keyring  string
	Dir      string // a fresh folder
	Now      func() time.Time
	Progress backup.Progress
}

// Restored says what was restored.
type Restored struct {
	Manifest backup.Manifest
	// Epoch is the policy epoch that was begun; 0: none, because no rules were
	// published or the epoch key was not there.
	Epoch uint64
	// From is how many records the backup's record had.
	From int64
	// Rules says that the backup holds published rules.
	Rules bool
}

// Restore lays a backup down in a fresh folder, compares it with its manifest,
// opens its store and begins a new policy epoch, so that devices which judge by
// rules newer than the backup's follow again; its lists are read anew once it serves. The configuration is written
// last: without it no collector starts there. What fails leaves an empty folder.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	key, err := backup.ReadPrivate(o.RecoveryKey)
	if err != nil {
		return r, err
	}
	keyring, err := readKeyring(o, key)
	if err != nil {
		return r, err
	}
	epochKey, err := readEpochKey(o.RecoveryKey)
	if err != nil {
		return r, err
	}
	f, err := os.Open(o.File)
	if err != nil {
		return r, fmt.Errorf("reading backup: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, fmt.Errorf("reading backup: %w", err)
	}
	if err := localstate.MakeDir(o.Dir); err != nil {
		return r, err
	}
	m, text, err := backup.Restore(o.Dir, filepath.Base(configFile(o.Dir)), key, f, info.Size(), o.Progress)
	if err != nil {
		return r, fmt.Errorf("restoring %s: %w", o.File, err)
	}
	r.Manifest = m
	if err := r.wake(ctx, o, text, epochKey, keyring); err != nil {
		return r, errors.Join(fmt.Errorf("restoring %s: %w", o.File, err), backup.Discard(o.Dir))
	}
	return r, nil
}

// wake checks what was laid down and makes a collector of it.
func (r *Restored) wake(ctx context.Context, o RestoreOptions, text []byte, epochKey crypto.Signer, keyring *store.Keyring) (err error) {
	unlock, err := localstate.Lock(o.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	rows, err := store.CountRows(ctx, filepath.Join(o.Dir, r.Manifest.Database))
	if err != nil {
		return err
	}
	if !maps.Equal(rows, r.Manifest.Rows) {
		return fmt.Errorf("the database's rows are not those the manifest counts (%s): use another copy", differing(rows, r.Manifest.Rows))
	}
	if text, err = ownDatabase(text, r.Manifest.Database); err != nil {
		return err
	}
	conf, err := parseConfig(text)
	if err != nil {
		return fmt.Errorf("reading its configuration: %w", err)
	}
	if keyring == nil && rows["seal_epochs"] > 0 {
		return errors.New("its names and words are sealed, and the keyring that opens them is not beside it: put the newest keyring-....safelight-keyring there, or give --keyring with it (--keyring none restores without names and words)")
	}
	s, err := openState(ctx, o.Dir, conf, o.Now, store.WithKeyring(keyring))
	if err != nil {
		return err
	}
	if err = r.putOnRecord(ctx, s, o.Now); err == nil {
		err = r.beginEpoch(ctx, s, o.Now, epochKey)
	}
	if err == nil {
		err = s.store.ListsRestored(ctx, schoolID)
	}
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	return pki.WriteSecret(configFile(o.Dir), text)
}

// putOnRecord says in the record itself from where it goes on, so that a person
// can accept that (`audit accept-restore`).
func (r *Restored) putOnRecord(ctx context.Context, s *state, now func() time.Time) error {
	head, err := s.store.AuditHead(ctx, schoolID)
	if err != nil {
		return err
	}
	r.From = head.Leaves
	if err := s.openRecord(ctx, now, slog.New(slog.DiscardHandler), nil); err != nil {
		return err
	}
	who := localstate.Self()
	return s.record.Restored(ctx, r.From, model.Actor{
		Who: model.SystemActor(who), Via: "command line as " + who, Reason: "restored from the backup of " + r.Manifest.Taken.UTC().Format(time.RFC3339),
	})
}

func differing(a, b map[string]int64) string {
	for _, table := range slices.Sorted(maps.Keys(b)) {
		if a[table] != b[table] {
			return fmt.Sprintf("%s has %d, want %d", table, a[table], b[table])
		}
	}
	return "there are more tables"
}

func (r *Restored) beginEpoch(ctx context.Context, s *state, now func() time.Time, key crypto.Signer) error {
	_, published, err := s.store.LatestPolicy(ctx, schoolID)
	if err != nil || !published {
		return err
	}
	r.Rules = true
	if key == nil {
		return nil
	}
	if err := checkEpochKey(s.dir, key); err != nil {
		return err
	}
	publisher, err := newPublisher(ctx, s, now)
	if err != nil {
		return err
	}
	v, err := publisher.StartEpoch(ctx, key, nil, "restore", "restored from the backup of "+r.Manifest.Taken.Format(time.RFC3339))
	r.Epoch = v.Epoch
	return err
}

// readEpochKey finds the epoch key in the recovery key's own file, where both
// were put into one, or beside it. It may be missing.
func readEpochKey(recoveryKey string) (crypto.Signer, error) {
	data, err := os.ReadFile(recoveryKey)
	if err != nil {
		return nil, fmt.Errorf("reading the recovery key: %w", err)
	}
	path := recoveryKey
	if block, _ := pem.Decode(data); block == nil {
		path = filepath.Join(filepath.Dir(recoveryKey), epochKeyFile)
	}
	key, err := pki.LoadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return key, err
}

// checkEpochKey holds the epoch key against its public half, which devices know
// and the backup brought.
func checkEpochKey(dir string, key crypto.Signer) error {
	data, err := os.ReadFile(filepath.Join(dir, "policy-recovery.pub"))
	if err != nil {
		return fmt.Errorf("reading the epoch key's public half: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("reading the epoch key: %w", err)
	}
	if block, _ := pem.Decode(data); block == nil || !bytes.Equal(block.Bytes, der) {
		return errors.New("the recovery.key beside the recovery key is not this school's: devices would refuse the epoch; use the right one, or move it away and restore without")
	}
	return nil
}

// ownDatabase has the configuration name the restored database where it named
// one outside the folder: that may be another collector's, at work. All else,
// comments too, stays.
func ownDatabase(text []byte, name string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading its configuration: %w", err)
	}
	path := field(field(field(content(&doc), "store"), "sqlite"), "path")
	if path == nil || path.Value == name {
		return text, nil
	}
	path.Value = name
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(&doc), enc.Close()); err != nil {
		return nil, fmt.Errorf("writing its configuration: %w", err)
	}
	return out.Bytes(), nil
}

func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		return doc.Content[0]
	}
	return nil
}

// field is the value under a key of a mapping, or nil.
func field(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
