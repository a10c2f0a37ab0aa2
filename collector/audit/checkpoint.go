package audit

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"safelight/collector/model"
)

// maxNote bounds a checkpoint that somebody hands in.
const maxNote = 4096

// origin names a school's record in its checkpoints.
func origin(school model.SchoolID) string { return "safelight/audit/" + string(school) }

// seal signs and checks checkpoints. It is a note.Signer over any crypto.Signer,
// so that the key may stay in a token.
type seal struct {
	note.Verifier
	key  crypto.Signer
	text string // the verifier key, for others
}

func newSeal(school model.SchoolID, key crypto.Signer) (*seal, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the record's key: %T, want Ed25519", key.Public())
	}
	text, err := note.NewEd25519VerifierKey(origin(school), public)
	if err != nil {
		return nil, fmt.Errorf("the record's key: %w", err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("the record's key: school %q: %w", school, err)
	}
	return &seal{Verifier: v, key: key, text: text}, nil
}

// Sign implements note.Signer.
func (s *seal) Sign(msg []byte) ([]byte, error) { return s.key.Sign(rand.Reader, msg, crypto.Hash(0)) }

// checkpoint is what a note says.
type checkpoint struct {
	size int64
	root tlog.Hash
	at   time.Time
}

func (s *seal) sign(c checkpoint) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n%s\n", s.Name(), c.size, base64.StdEncoding.EncodeToString(c.root[:]), c.at.UTC().Format(stamp))
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return signed, nil
}

// errForeign says that a checkpoint was not signed with this record's key.
var errForeign = errors.New("not signed with this record's key (audit.key)")

// open checks a note's signature and reads it.
func (s *seal) open(signed []byte) (checkpoint, error) {
	if len(signed) > maxNote {
		return checkpoint{}, fmt.Errorf("a checkpoint of %d bytes: want at most %d", len(signed), maxNote)
	}
	n, err := note.Open(signed, note.VerifierList(s.Verifier))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return checkpoint{}, errForeign
	case err != nil:
		return checkpoint{}, fmt.Errorf("not a checkpoint: %w", err)
	}
	return parse(n.Text, s.Name())
}

func parse(text, name string) (checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[0] != name || lines[4] != "" {
		return checkpoint{}, errors.New("not a checkpoint of this record")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, fmt.Errorf("not a checkpoint: size %q", lines[1])
	}
	c := checkpoint{size: size}
	if c.root, err = tlog.ParseHash(lines[2]); err != nil {
		return checkpoint{}, fmt.Errorf("not a checkpoint: root %q", lines[2])
	}
	if c.at, err = time.Parse(stamp, lines[3]); err != nil {
		return checkpoint{}, fmt.Errorf("not a checkpoint: time %q", lines[3])
	}
	return c, nil
}
