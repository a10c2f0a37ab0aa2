// Package pgtest runs a PostgreSQL server for tests: Debian's own, in a folder of
// its own, reached by a socket in that folder and by nothing else, with fsync
// on. It is no part of the product.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrMissing says that this machine has no PostgreSQL to run.
var ErrMissing = errors.New("no PostgreSQL server is installed (Debian: apt-get install postgresql)")

// patience is how long the server may take to start.
const patience = time.Minute

// Server is a running PostgreSQL server.
type Server struct {
	dir  string
	bin  string
	cmd  *exec.Cmd
	done chan struct{}
	log  *bytes.Buffer // complete once done is closed
}

// Start makes an empty cluster and runs its server until Stop.
func Start(ctx context.Context) (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	// Sockets have short paths, and postgres must be able to enter.
	dir, err := os.MkdirTemp("", "sl-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	s := &Server{dir: dir, bin: bin, done: make(chan struct{}), log: &bytes.Buffer{}}
	as, err := s.account()
	if err != nil {
		return nil, err
	}
	// Only making the cluster goes without syncing; the server syncs.
	initdb := exec.CommandContext( //nolint:gosec // tests run the database they installed
		ctx, filepath.Join(bin, "initdb"), "--pgdata="+s.data(), "--username="+role, "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, as
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making a PostgreSQL cluster: %w: %s", err, bytes.TrimSpace(out))
	}
	s.cmd = exec.Command( //nolint:gosec // tests run the database they installed
		filepath.Join(bin, "postgres"), "-D", s.data(), "-k", dir, "-c", "listen_addresses=", "-c", "fsync=on",
		"-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "autovacuum_naptime=5s", "-c", "log_min_messages=fatal")
	s.cmd.Dir, s.cmd.SysProcAttr = dir, as
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := s.untilReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// start starts the server from a thread that stays until it has ended: it would end
// with that thread (Pdeathsig, prctl(2)), which the tests may leave behind.
func (s *Server) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // why it ended is in its log
		}
		close(s.done)
	}()
	return <-started
}

// role is the cluster's only one.
const role = "safelight"

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// programs finds the newest server's folder.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(path), nil
		}
		return "", ErrMissing
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// owner is the account that the packages made for the server.
func owner() (uid, gid int, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("PostgreSQL refuses to run as root, and there is no account postgres: %w", err)
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

// untilReady waits until the server answers.
func (s *Server) untilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if exec.CommandContext(ctx, filepath.Join(s.bin, "pg_isready"), "-q", "-h", s.dir).Run() == nil { //nolint:gosec // tests ask the database they installed
			return nil
		}
		select {
		case <-again.C:
		case <-s.done:
			return fmt.Errorf("PostgreSQL ended at once: %s", strings.TrimSpace(s.log.String()))
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL: %w", ctx.Err())
		}
	}
}

// URL is that of a database of this server.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// Create makes a database and returns its URL. A template's content is copied;
// empty: there is none.
func (s *Server) Create(ctx context.Context, database, template string) (string, error) {
	args := []string{"-h", s.dir, "-U", role}
	if template != "" {
		args = append(args, "-T", template)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(s.bin, "createdb"), append(args, database)...).CombinedOutput() //nolint:gosec // tests run the database they installed
	if err != nil {
		return "", fmt.Errorf("making database %s: %w: %s", database, err, bytes.TrimSpace(out))
	}
	return s.URL(database), nil
}

// Dir is where the server's socket is; At finds it again.
func (s *Server) Dir() string { return s.dir }

// At is a server that another process of the same test started, and stops.
func At(dir string) (*Server, error) {
	bin, err := programs()
	return &Server{dir: dir, bin: bin}, err
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) { // a fast shutdown
		return err
	}
	<-s.done
	return os.RemoveAll(s.dir)
}
