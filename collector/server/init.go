package server

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"safelight/collector/audit"
	"safelight/collector/backup"
	"safelight/collector/enrol"
	"safelight/collector/lists"
	"safelight/collector/model"
	"safelight/collector/seal"
	"safelight/collector/store"
	"safelight/internal/localstate"
	"safelight/internal/pki"
)

// schoolID is the one school of an embedded store.
const schoolID model.SchoolID = "school"

// Init makes what is missing under dir: configuration, keys, certificates, the
// store and an empty trial school. It changes nothing that is there.
func Init(ctx context.Context, dir string) error {
	if err := localstate.MakeDir(dir); err != nil {
		return err
	}
	unlock, err := localstate.Lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(configFile(dir)); errors.Is(err, fs.ErrNotExist) {
		if err := pki.WriteSecret(configFile(dir), []byte(defaults)); err != nil {
			return fmt.Errorf("writing the first configuration: %w", err)
		}
	}
	if err := backup.MakeKey(dir); err != nil {
		return err
	}
	conf, err := ReadConfig(dir)
	if err != nil {
		return err
	}
	s, err := openState(ctx, dir, conf, time.Now)
	if err != nil {
		return err
	}
	return s.close()
}

// state is what lies on disk, opened.
type state struct {
	dir       string
	authority *enrol.Authority
	store     *store.Store
	keys      *keys
	auditKey  crypto.Signer
	record    *audit.Log   // nil until openRecord
	lists     *lists.Lists // nil until openLists
}

func (s *state) close() error {
	var err error
	if s.record != nil {
		err = s.record.Flush(context.Background()) // what a verb has just changed
		s.record.Close()
	}
	return errors.Join(err, s.store.Close())
}

// openState opens keys and store, making what is missing. The caller holds the
// folder's lock.
func openState(ctx context.Context, dir string, conf Config, now func() time.Time, more ...store.Option) (*state, error) {
	if err := pki.CheckKeys(dir); err != nil {
		return nil, err
	}
	a, err := enrol.OpenAuthority(filepath.Join(dir, "ca"), conf.School.Name, conf.certificateNames(), now())
	if err != nil {
		return nil, err
	}
	auditKey, err := pki.LoadOrMakeKey(filepath.Join(dir, "audit.key"), pki.NewAuditKey)
	if err != nil {
		return nil, err
	}
	options := append([]store.Option{store.WithClock(now), store.WithKeys(filepath.Join(dir, seal.FileName))}, more...)
	st, err := store.Open(ctx, conf.storeAt(dir), options...)
	if err != nil {
		return nil, err
	}
	school := model.School{ID: schoolID, Name: conf.School.Name, Trial: true, Created: now()}
	if err := st.EnsureSchool(ctx, school); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	k, err := openKeys(ctx, dir, a, st, now)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &state{dir: dir, authority: a, store: st, keys: k, auditKey: auditKey}, nil
}
