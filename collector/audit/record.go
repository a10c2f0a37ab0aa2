package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"safelight/collector/model"
)

// The most bytes of a field; what is longer is cut.
const (
	maxField  = 256
	maxReason = 1024
)

// stamp is how a record writes a time: always as many digits, always UTC.
const stamp = "2006-01-02T15:04:05.000000Z"

// line is a record's canonical form: these members, in this order, no spaces.
type line struct {
	At      string `json:"at"`
	Actor   string `json:"actor"`
	Via     string `json:"via"`
	What    string `json:"what"`
	Ref     string `json:"ref"`
	Reason  string `json:"reason"`
	Outcome string `json:"outcome"`
}

// Encode writes a record in its canonical form, the one and only way to write
// it. Fields that are too long are cut, and what is no text is replaced.
func Encode(r model.AuditRecord) []byte {
	l := line{
		At: r.At.UTC().Format(stamp), Actor: clip(r.Actor, maxField), Via: clip(r.Via, maxField), What: clip(r.What, maxField),
		Ref: clip(r.Ref, maxField), Reason: clip(r.Reason, maxReason), Outcome: clip(r.Outcome, maxField),
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		panic(err) // strings cannot fail to encode
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// clip cuts a text at n bytes and leaves no half character.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// Decode reads a record, and refuses whatever Encode would have written
// otherwise.
func Decode(data []byte) (model.AuditRecord, error) {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return model.AuditRecord{}, fmt.Errorf("reading a record: %w", err)
	}
	at, err := time.Parse(stamp, l.At)
	if err != nil {
		return model.AuditRecord{}, fmt.Errorf("reading a record: at: %w", err)
	}
	r := model.AuditRecord{At: at, Actor: l.Actor, Via: l.Via, What: l.What, Ref: l.Ref, Reason: l.Reason, Outcome: l.Outcome}
	if !bytes.Equal(Encode(r), data) {
		return model.AuditRecord{}, errors.New("reading a record: it is not in the canonical form")
	}
	return r, nil
}
