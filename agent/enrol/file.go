package enrol

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"
	"unicode/utf16"

	"safelight/internal/pki"
)

// File is what a management tool or an installer lays down so that a device enrols
// by itself: /etc/safelight/enrol.conf of the Linux packages, enrol.conf in the
// state folder of Windows. It is lines of `key: value`, as YAML has them, or of
// `key=value`, which is all that Windows Installer can write; a [section], and
// what follows # or ; at a line's beginning, says nothing. Of two lines with one
// key the later counts.
type File struct {
	// Token is from `safelight-collector token create`; it is taken out of the
	// file once it is used.
	Token string
	// Collector is host:port, instead of the addresses in the token.
	Collector string
	// Root is the fingerprint of the collector's root. The token carries one
	// too; given here, by another way, the two have to agree.
	Root string
}

// maxFile bounds what is read: a token is under 1 KB.
const maxFile = 64 << 10

// readFile reads an enrolment file. One that is missing is as an empty one.
func readFile(path string) (File, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	if err != nil {
		return File{}, fmt.Errorf("reading the enrolment file: %w", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return File{}, fmt.Errorf("reading the enrolment file: %w", err)
	}
	f, wrong := parseFile(utf8Text(data))
	if wrong != 0 {
		// The line itself is not quoted: it may hold the token.
		return File{}, fmt.Errorf("reading the enrolment file %s: line %d is none of token, collector and root; write `token: SL1...`", path, wrong)
	}
	return f, nil
}

// parseFile reads the lines; wrong is the first that it does not know, from 1.
func parseFile(text string) (f File, wrong int) {
	fields := map[string]*string{"token": &f.Token, "collector": &f.Collector, "root": &f.Root}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line == "---" || strings.ContainsRune("#;", rune(line[0])) || line[0] == '[' && strings.HasSuffix(line, "]") {
			continue
		}
		at := strings.IndexAny(line, ":=")
		if at < 0 {
			return File{}, n
		}
		into := fields[strings.ToLower(strings.TrimSpace(line[:at]))]
		if into == nil {
			return File{}, n
		}
		*into = unquoted(strings.TrimSpace(line[at+1:]))
	}
	return f, 0
}

// utf8Text takes UTF-16 too, which is what PowerShell's > writes.
func utf8Text(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return string(data)
	}
	units := make([]uint16, len(data)/2-1)
	for i := range units {
		units[i] = order.Uint16(data[2*i+2:])
	}
	return string(utf16.Decode(units))
}

func unquoted(s string) string {
	for _, quote := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(s, quote); ok && strings.HasSuffix(inner, quote) {
			return strings.TrimSuffix(inner, quote)
		}
	}
	value, _, _ := strings.Cut(s, " #") // a remark behind it, as YAML has them
	return strings.TrimSpace(value)
}

// text is the file without its token.
func (f File) text() string {
	said := "# Used: this device is enrolled.\n"
	if f.Collector != "" {
		said += "collector: " + f.Collector + "\n"
	}
	if f.Root != "" {
		said += "root: " + f.Root + "\n"
	}
	return said
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
	if err := overwrite(path, []byte(f.text())); err != nil {
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

// How long FromFile waits: between looks at the file, and, doubling, between tries
// of the same token.
const (
	fileEvery = 10 * time.Second
	firstTry  = 5 * time.Second
	lastTry   = 5 * time.Minute
)

// Waiting is how a device stands that waits for its enrolment.
type Waiting struct {
	File string `json:"file"` // where the token is looked for
	// Tried is when a token in it was tried last, or the file could not be read;
	// zero: there was none. Error is how that ended; it holds no token.
	Tried time.Time `json:"tried,omitzero"`
	Error string    `json:"error,omitempty"`
}

// FromFile enrols req.Dir with what the file says, waiting for the file and for
// the collector as long as ctx allows, and takes the token out of the file. A
// file that is laid down anew is tried at the next look. A device that is enrolled
// already only has the token taken out. req's Token and Collector are not looked
// at. spread is from 0 to 1 and keeps a school's devices from asking all at once;
// tell hears how it stands whenever it has to wait.
func FromFile(ctx context.Context, path string, req Request, spread func() float64, tell func(Waiting), log *slog.Logger) error {
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
		f, tried, err := tryFile(ctx, path, req)
		switch {
		case errors.Is(err, ErrFileHeld):
			return err
		case err != nil:
			tell(Waiting{File: path, Tried: req.Now(), Error: err.Error()})
			log.WarnContext(ctx, "enrolling by file failed, trying again", slog.String("error", err.Error()), slog.Duration("after", wait))
			pause, wait = wait/2+time.Duration(spread()*float64(wait)), min(2*wait, lastTry)
		case tried:
			log.InfoContext(ctx, "enrolled by file")
			continue
		default:
			tell(Waiting{File: path})
			if !waiting {
				waiting = true
				log.InfoContext(ctx, "not enrolled: waiting for a token in the enrolment file", slog.String("file", path))
			}
		}
		anew, err := untilLaid(ctx, path, f, pause)
		if err != nil {
			return err
		}
		if anew {
			wait = firstTry
		}
	}
}

// untilLaid waits for so long, or until the file says something else than f: whoever
// lays a new token down should not wait for what became of the old one.
func untilLaid(ctx context.Context, path string, f File, pause time.Duration) (anew bool, err error) {
	for pause > 0 {
		look := min(pause, fileEvery)
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		pause -= look
		if now, err := readFile(path); err == nil && now != f {
			return true, nil
		}
	}
	return false, nil
}

// tryFile enrols once with what the file says, which it returns; tried is false
// where there is no token.
func tryFile(ctx context.Context, path string, req Request) (f File, tried bool, err error) {
	f, err = readFile(path)
	if err != nil || f.Token == "" {
		return f, false, err
	}
	if err := f.check(); err != nil {
		return f, true, err
	}
	out, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return f, true, fmt.Errorf("%w: %w; restart the service, or let the agent's account write to it", ErrFileHeld, err)
	}
	if err := out.Close(); err != nil {
		return f, true, err
	}
	req.Token, req.Collector = f.Token, f.Collector
	_, err = Enrol(ctx, req)
	return f, true, err
}
