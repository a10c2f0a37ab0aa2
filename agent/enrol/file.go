package enrol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/internal/pki"
)

// File is what a management tool lays down so that a device enrols by itself:
// /etc/safelight/enrol.conf of the Linux packages. It is YAML.
type File struct {
	// Token is from `safelight-collector token create`; it is taken out of the
	// file once it is used.
	Token string `yaml:"token,omitempty"`
	// Collector is host:port, instead of the addresses in the token.
	Collector string `yaml:"collector,omitempty"`
	// Root is the fingerprint of the collector's root. The token carries one
	// too; given here, by another way, the two have to agree.
	Root string `yaml:"root,omitempty"`
}

// maxFile bounds what is read: a token is under 1 KB.
const maxFile = 64 << 10

// readFile reads an enrolment file. One that is missing is as an empty one.
func readFile(path string) (File, error) {
	var f File
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("reading the enrolment file: %w", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return f, fmt.Errorf("reading the enrolment file: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		// The decoder's own words may quote the file, and with it the token.
		return File{}, fmt.Errorf("reading the enrolment file %s: it is not YAML of token, collector and root; a line is `token: SL1...`", path)
	}
	f.Token = strings.TrimSpace(f.Token)
	return f, nil
}

// check holds the file's root against the token's.
func (f File) check() error {
	if f.Root == "" {
		return nil
	}
	token, err := pki.ParseToken(f.Token)
	if err != nil {
		return err
	}
	if !strings.EqualFold(f.Root, token.Fingerprint) {
		return errors.New("enrolling: the token names another root than the enrolment file does: one of them is not from your collector")
	}
	return nil
}

// forgetToken takes the token out of the file, in place: the service may write
// to this one file of /etc and to nothing beside it.
func forgetToken(path string) error {
	f, err := readFile(path)
	if err != nil || f.Token == "" {
		return err
	}
	f.Token = ""
	rest := []byte("# Used: this device is enrolled.\n")
	if f != (File{}) {
		more, err := yaml.Marshal(f)
		if err != nil {
			return fmt.Errorf("writing the enrolment file: %w", err)
		}
		rest = append(rest, more...)
	}
	if err := overwrite(path, rest); err != nil {
		return fmt.Errorf("taking the used token out of the enrolment file: %w", err)
	}
	return nil
}

// overwrite writes over what stood there, and then cuts the rest off, so that the
// old words are not left in a block of the disk that nobody owns.
func overwrite(path string, data []byte) error {
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := out.Stat()
	if err == nil {
		blank := bytes.Repeat([]byte("\n"), max(0, int(info.Size())-len(data)))
		_, err = out.WriteAt(append(bytes.Clone(data), blank...), 0)
	}
	if err == nil {
		err = out.Sync()
	}
	if err == nil {
		err = out.Truncate(int64(len(data)))
	}
	return errors.Join(err, out.Close())
}

// ErrFileHeld means that there is a token and the file cannot be written to, so
// that the token would stay. The service's unit lends the file to the agent at
// each start, so starting again mends it.
var ErrFileHeld = errors.New("the enrolment file cannot be written to")

// How long FromFile waits: between looks for a file, and, doubling, between tries.
const (
	fileEvery = 10 * time.Second
	firstTry  = 5 * time.Second
	lastTry   = 5 * time.Minute
)

// FromFile enrols req.Dir with what the file says, waiting for the file and for
// the collector as long as ctx allows, and takes the token out of the file. A
// device that is enrolled already only does the latter. req's Token and
// Collector are not looked at. spread is from 0 to 1 and keeps a school's devices
// from asking all at once.
func FromFile(ctx context.Context, path string, req Request, spread func() float64, log *slog.Logger) error {
	wait, waiting := firstTry, false
	for {
		_, err := Load(req.Dir)
		if err == nil {
			if err := forgetToken(path); err != nil {
				log.WarnContext(ctx, "the enrolment token stays in its file", slog.String("error", err.Error()))
			}
			return nil
		}
		if !errors.Is(err, ErrNotEnrolled) {
			return err
		}
		pause := fileEvery
		switch tried, err := tryFile(ctx, path, req); {
		case errors.Is(err, ErrFileHeld):
			return err
		case err != nil:
			log.WarnContext(ctx, "enrolling by file failed, trying again", slog.String("error", err.Error()), slog.Duration("after", wait))
			pause, wait = wait/2+time.Duration(spread()*float64(wait)), min(2*wait, lastTry)
		case tried:
			log.InfoContext(ctx, "enrolled by file")
			continue
		case !waiting:
			waiting = true
			log.InfoContext(ctx, "not enrolled: waiting for a token in the enrolment file", slog.String("file", path))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryFile enrols once; tried is false where there is no token.
func tryFile(ctx context.Context, path string, req Request) (tried bool, err error) {
	f, err := readFile(path)
	if err != nil || f.Token == "" {
		return false, err
	}
	if err := f.check(); err != nil {
		return true, err
	}
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return true, fmt.Errorf("%w: %w; restart the service, or let the agent's account write to it", ErrFileHeld, err)
	}
	if err := out.Close(); err != nil {
		return true, err
	}
	req.Token, req.Collector = f.Token, f.Collector
	_, err = Enrol(ctx, req)
	return true, err
}
