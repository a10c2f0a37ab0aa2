package lists

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"safelight/internal/rules"
)

// fuzzFormat holds that whatever a list's text is, it is read to its end or
// refused, and gives only names that a device could look up.
func fuzzFormat(f *testing.F, format, member string, seeds ...string) {
	limits := Limits{File: 1 << 20, Text: 1 << 20, Ratio: 100, Names: 10_000}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		names, summary, err := readAll(format, member, string(text), limits)
		for _, name := range names {
			clean, cerr := rules.CleanHost(name)
			if cerr != nil || clean != name || rules.IsAddress(name) || !strings.Contains(name, ".") || rules.IsHelpline(name) || isShared(name) {
				t.Errorf("took %q for a name", name)
			}
			if len(keyOf(name)) > 253 {
				t.Errorf("the key of %q is %d bytes long", name, len(keyOf(name)))
			}
		}
		again, _, err2 := readAll(format, member, string(text), limits)
		if !slices.Equal(names, again) || (err == nil) != (err2 == nil) {
			t.Error("the same text was read in two ways")
		}
		if lines := int64(bytes.Count(text, []byte("\n")) + 1); err == nil && format != squidguard && summary.Lines > lines && text[0] != 0x1f {
			t.Errorf("read %d lines of %d", summary.Lines, lines)
		}
	})
}

func FuzzDomains(f *testing.F) {
	fuzzFormat(f, "domains", "", "a.example\n# x\n*.b.example", "\x1f\x8b", string(packed([]byte("a.example\n"))))
}

func FuzzHosts(f *testing.F) {
	fuzzFormat(f, "hosts", "", "0.0.0.0 a.example b.example # x\n::1 localhost\n")
}

func FuzzAdblock(f *testing.F) {
	fuzzFormat(f, "adblock", "", "||a.example^\n@@||b.example^$important\n##.x\n||*.c.example^$doc,all\n")
}

func FuzzRPZ(f *testing.F) {
	fuzzFormat(f, "rpz", "", "$ORIGIN z.example.\n@ SOA a. b. ( 1\n2 )\na.example 60 IN CNAME .\n*.b.example.z.example. CNAME rpz-passthru.\n")
}

func FuzzCSV(f *testing.F) {
	fuzzFormat(f, "csv", "domain", "id;domain\n1;a.example\n2;\"b\"\"\"\n")
}

func FuzzArchive(f *testing.F) {
	fuzzFormat(f, squidguard, "adult", string(archive(map[string]string{"blacklists/adult/domains": "a.example\n"})), string(packed(archive(map[string]string{"blacklists/adult/domains": "b.example\n"}))))
}

// FuzzChunk holds that a damaged chunk is read as far as it goes or refused.
func FuzzChunk(f *testing.F) {
	p := newPacker(func(_, data []byte) error { f.Add(data); return nil })
	for _, key := range []string{"example.a", "example.a.www", "org.example"} {
		must(f, p.add([]byte(key)))
	}
	must(f, p.flush())
	f.Fuzz(func(_ *testing.T, data []byte) {
		total := 0
		_ = eachKey(data, func(key []byte) bool { total += len(key); return total < 1<<24 })
	})
}
