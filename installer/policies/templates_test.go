package policies

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the templates again")

func templates(t *testing.T) map[string][]byte {
	t.Helper()
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheTemplatesAreWhatTheTableSays(t *testing.T) {
	want := templates(t)
	if *update {
		for name, text := range want {
			path := filepath.Join("templates", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string]bool{}
	err := fs.WalkDir(os.DirFS("templates"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got[path] = true
		text, err := os.ReadFile(filepath.Join("templates", path))
		if !bytes.Equal(text, want[path]) {
			t.Errorf("%s is not what the table says: go test ./installer/policies -update", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

var registryLine = regexp.MustCompile(`^(|Windows Registry Editor Version 5\.00|\[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\[A-Za-z\\]+\]|"[A-Za-z]+"=(-|dword:[0-9a-f]{8}|"[a-z]+"))$`)

// A file that one system cannot read is a device whose names are hidden, and
// nobody is told.
func TestEachTemplateIsReadableByItsSystem(t *testing.T) {
	for name, text := range templates(t) {
		switch filepath.Ext(name) {
		case ".json":
			var v map[string]any
			if err := json.Unmarshal(text, &v); err != nil || len(v) == 0 {
				t.Errorf("%s: %v, %v", name, v, err)
			}
		case ".reg":
			for _, line := range strings.SplitAfter(string(text), "\n") {
				if bare, whole := strings.CutSuffix(line, "\r\n"); line != "" && (!whole || !registryLine.MatchString(bare)) {
					t.Errorf("%s: %q", name, line)
				}
			}
		case ".mobileconfig":
			plist(t, name, text)
		default:
			t.Errorf("%s: what reads that?", name)
		}
		private := strings.Contains(name, privateOff) || strings.Contains(name, "undo/")
		if closes := regexp.MustCompile("Private|Incognito|Guest").Match(text); closes != private {
			t.Errorf("%s: private windows in it: %t, want %t: it is the school's choice", name, closes, private)
		}
		if bytes.Contains(text, []byte("Extension")) {
			t.Errorf("%s asks for an extension, and there is none", name)
		}
	}
}

// plist checks a property list's form: each key of a dict is followed by a value,
// and no key stands twice.
func plist(t *testing.T, name string, text []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	var keys []map[string]bool // of each open dict
	ids, expectValue := map[string]bool{}, false
	last := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if (token.Name.Local == "key") == expectValue && len(keys) > 0 && token.Name.Local != "dict" {
				t.Errorf("%s: after key %q comes <%s>", name, last, token.Name.Local)
			}
			expectValue = token.Name.Local == "key"
			if token.Name.Local == "dict" {
				keys = append(keys, map[string]bool{})
			}
		case xml.EndElement:
			if token.Name.Local == "dict" {
				keys = keys[:len(keys)-1]
			}
		case xml.CharData:
			said := strings.TrimSpace(string(token))
			if said == "" {
				continue
			}
			if expectValue {
				if keys[len(keys)-1][said] {
					t.Errorf("%s: %s stands twice", name, said)
				}
				keys[len(keys)-1][said], last = true, said
			} else if last == "PayloadUUID" {
				if ids[said] || !regexp.MustCompile(`^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`).MatchString(said) {
					t.Errorf("%s: PayloadUUID %s", name, said)
				}
				ids[said] = true
			}
		}
	}
	if len(ids) != 2 {
		t.Errorf("%s: %d payload ids, want 2", name, len(ids))
	}
}

// On Windows the names come from what Windows is asked, and a browser with a
// resolver of its own asks nobody else.
func TestOnWindowsTheBrowsersOwnResolverIsOff(t *testing.T) {
	for _, b := range Browsers {
		text := string(templates(t)["windows/"+b.Name+".reg"])
		if b.Name != "firefox" && !strings.Contains(text, `"BuiltInDnsClientEnabled"=dword:00000000`) {
			t.Errorf("%s: %s", b.Name, text)
		}
	}
}

// Policies for browsers that a program lays down unasked are what the browsers'
// makers call malware, and what a school would call a surprise (D20).
func TestNothingOfTheAgentWritesABrowsersPolicies(t *testing.T) {
	sign := regexp.MustCompile(`DnsOverHttpsMode|DNSOverHTTPS|EncryptedClientHello(Enabled)?\b.*(=|:)|policies/managed|Policies\\+(Google|Microsoft\\+Edge|Mozilla|Chromium)|policies\.json`)
	looked := 0
	for _, folder := range []string{"../linux", "../windows", "../macos", "../container", "../../agent", "../../internal/ossvc"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".md") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			looked++
			if found := sign.Find(text); found != nil {
				t.Errorf("%s: %s", path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 100 {
		t.Errorf("looked at %d files: does this test still see them?", looked)
	}
	if !sign.MatchString(string(templates(t)["linux/chrome.json"])) || !sign.Match(templates(t)["windows/edge.reg"]) {
		t.Error("it would not see a policy")
	}
}
