package enrol

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each is how some tool writes the same file.
func TestEveryToolsWayOfWritingTheFileIsRead(t *testing.T) {
	want := File{Token: "SL1.eyJh-b_c", Collector: "collector.school.example:7443", Root: "ab12"}
	for name, text := range map[string]string{
		"by hand":              "token: SL1.eyJh-b_c\ncollector: collector.school.example:7443\nroot: ab12\n",
		"YAML, quoted":         "---\ntoken: \"SL1.eyJh-b_c\"\ncollector: 'collector.school.example:7443' \nroot:   ab12 # by telephone",
		"Windows Installer":    "[enrol]\r\ntoken=SL1.eyJh-b_c\r\ncollector=collector.school.example:7443\r\nroot=ab12\r\n",
		"a Windows editor":     "\ufeff# ours\r\ntoken: SL1.eyJh-b_c\r\n\r\n; and\r\nCollector: collector.school.example:7443\r\nroot: ab12",
		"laid over a used one": File{Collector: "old.example:1", Root: "ab12"}.text() + "[enrol]\r\ntoken=SL1.eyJh-b_c\r\ncollector=collector.school.example:7443\r\n",
	} {
		if got, wrong := parseFile(text); got != want || wrong != 0 {
			t.Errorf("%s: read %+v, line %d is wrong", name, got, wrong)
		}
	}
	for _, data := range []string{"\xff\xfet\x00o\x00k\x00e\x00n\x00=\x00S\x00\r\x00\n\x00", "\xfe\xff\x00t\x00o\x00k\x00e\x00n\x00=\x00S", "\xff\xfe", "\xff\xfet"} {
		got, wrong := parseFile(utf8Text([]byte(data)))
		if wrong != 0 && len(data) > 4 || len(data) > 4 && got.Token != "S" {
			t.Errorf("of UTF-16 %q was read %+v, line %d", data, got, wrong)
		}
	}
	// A repair writes what it has not been told as nothing.
	if got, wrong := parseFile("[enrol]\r\ntoken=\r\n"); got != (File{}) || wrong != 0 {
		t.Errorf("an empty value was read as %+v, line %d", got, wrong)
	}
}

// FuzzFile reads whatever somebody laid down: it is a file or refused, and what is
// left of one that was used holds no token.
func FuzzFile(f *testing.F) {
	for _, text := range []string{"token: SL1.a\ncollector: h:1\nroot: ab\n", "[enrol]\r\ntoken=SL1.a\r\n", "token", "\"=\"", "token:'\ncollector:\"", "---\n# x\n;\n[\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, wrong := parseFile(text)
		if wrong != 0 {
			if read != (File{}) {
				t.Errorf("line %d is wrong, and something was read", wrong)
			}
			return
		}
		if strings.ContainsAny(read.Token+read.Collector+read.Root, "\r\n") {
			t.Fatal("a value of two lines")
		}
		again, wrong := parseFile(read.text())
		read.Token = ""
		if wrong != 0 || again.Token != "" || unquoted(read.Collector) == read.Collector && unquoted(read.Root) == read.Root && again != read {
			t.Errorf("of %+v is left %+v, line %d", read, again, wrong)
		}
	})
}

// Whoever lays a new token down waited up to seven minutes for the old one's turn.
func TestATokenLaidDownAnewIsTriedAtTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "enrol.conf")
		lay := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
		lay("token: SL1.old\n")
		old, began := File{Token: "SL1.old"}, time.Now()
		if anew, err := untilLaid(t.Context(), path, old, lastTry); anew || err != nil || time.Since(began) != lastTry {
			t.Errorf("the same file was waited on for %s: %v %v", time.Since(began), anew, err)
		}
		go func() {
			time.Sleep(time.Minute + time.Second)
			lay("token: SL1.new\n")
		}()
		began = time.Now()
		if anew, err := untilLaid(t.Context(), path, old, lastTry); !anew || err != nil || time.Since(began) != time.Minute+fileEvery {
			t.Errorf("a new file was seen after %s: %v %v", time.Since(began), anew, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := untilLaid(ctx, path, old, lastTry); !errors.Is(err, context.Canceled) {
			t.Errorf("asked to stop it said %v", err)
		}
	})
}
