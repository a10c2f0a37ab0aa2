package audit_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"safelight/collector/audit"
	"safelight/collector/model"
)

func TestOneRecordHasOneForm(t *testing.T) {
	r := model.AuditRecord{At: noon.Add(1500 * time.Microsecond).In(time.FixedZone("", 3600)), Actor: "user:dsl", Via: "192.0.2.7", What: "read.alert", Ref: "alert:ABCD1234", Reason: "<b>", Outcome: "done"}
	want := `{"at":"2026-11-20T12:00:00.001500Z","actor":"user:dsl","via":"192.0.2.7","what":"read.alert","ref":"alert:ABCD1234","reason":"<b>","outcome":"done"}`
	if got := string(audit.Encode(r)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, other := range []string{
		want + " ", " " + want, strings.Replace(want, `,`, `, `, 1), strings.Replace(want, `"outcome":"done"`, `"outcome":"done","more":""`, 1),
		strings.Replace(want, `"at"`, `"At"`, 1), strings.Replace(want, "001500Z", "0015Z", 1), strings.Replace(want, "Z", "+00:00", 1),
		strings.Replace(want, `"<b>"`, `"\u003cb>"`, 1), strings.Replace(want, `{`, `{"at":"x",`, 1), "", "null", "[]", want + want,
	} {
		if _, err := audit.Decode([]byte(other)); err == nil {
			t.Errorf("took %q", other)
		}
	}
}

func TestOverlongAndBrokenFieldsAreCutNotRefused(t *testing.T) {
	r := model.AuditRecord{At: noon, Actor: strings.Repeat("é", 1000), Reason: strings.Repeat("ab\xff", 2000), Via: "\xffx"}
	got, err := audit.Decode(audit.Encode(r))
	must(t, err)
	if len(got.Actor) != 256 || len(got.Reason) > 1024 || !utf8.ValidString(got.Reason) || got.Via != "\uFFFDx" {
		t.Errorf("lengths %d and %d, via %q", len(got.Actor), len(got.Reason), got.Via)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"at":"2026-11-20T12:00:00.000000Z","actor":"user:dsl","via":"","what":"read.alert","ref":"alert:A","reason":"","outcome":""}`), int64(0), "user:dsl", "a reason\n\x00\u2028<&>")
	f.Add([]byte(`{}`), int64(-1), "\xff", strings.Repeat("x", 1023)+"é")
	f.Add([]byte(`null`), int64(1)<<60, `"\`, "")
	f.Fuzz(func(t *testing.T, data []byte, at int64, actor, reason string) {
		if r, err := audit.Decode(data); err == nil && !bytes.Equal(audit.Encode(r), data) {
			t.Errorf("%q has two forms", data)
		}
		when := time.UnixMicro(at % 200_000_000_000_000_000).UTC()
		if y := when.Year(); y < 0 || y > 9999 {
			return
		}
		once := audit.Encode(model.AuditRecord{At: when, Actor: actor, What: actor, Reason: reason})
		r, err := audit.Decode(once)
		if err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if !r.At.Equal(when) || !bytes.Equal(audit.Encode(r), once) {
			t.Errorf("%q reads back as %+v", once, r)
		}
	})
}
