package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	firefox  = "etc/firefox/policies/policies.json"
	chromium = "etc/chromium/policies/managed/safelight.json"
	// theirs is a school's file, in nobody's style.
	theirs = "{ \"policies\" : {\n\t\"Homepage\": {\"URL\":\"https://school.example/\", \"Locked\": true}, \"DisableTelemetry\":true,\n\t\"Big\": 12345678901234567890 } , \"mine\":[ ] }"
)

func put(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func do(t *testing.T, root, verb string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run([]string{verb, "--root", root}, &out); err != nil {
		t.Fatalf("%s: %v", verb, err)
	}
	return out.String()
}

// files are all files below a folder with what they hold.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		all[strings.TrimPrefix(path, root)] = "a folder"
		if !d.IsDir() {
			text, err := os.ReadFile(path)
			all[strings.TrimPrefix(path, root)] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func equal(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: %s was %q and is %q", what, name, text, got[name])
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s: %s is left", what, name)
		}
	}
}

func TestTheSchoolsOwnFirefoxPoliciesAreKeptAndComeBackToTheByte(t *testing.T) {
	root := t.TempDir()
	put(t, root, firefox, theirs)
	was := files(t, root)
	said := do(t, root, "apply")
	now := get(t, root, firefox)
	for _, kept := range []string{`"DNSOverHTTPS"`, `"Locked": true`, `"DisableEncryptedClientHello": true`, "https://school.example/", "12345678901234567890", `"mine": []`} {
		if !strings.Contains(now, kept) {
			t.Errorf("%s is missing from\n%s", kept, now)
		}
	}
	if strings.Index(now, "Homepage") > strings.Index(now, "DNSOverHTTPS") || strings.Index(now, "DNSOverHTTPS") > strings.Index(now, `"mine"`) {
		t.Errorf("what was the school's has lost its place:\n%s", now)
	}
	if !strings.Contains(said, "DNSOverHTTPS is ") || !strings.Contains(said, "/"+firefox) || strings.Contains(now, "DisablePrivateBrowsing") {
		t.Errorf("it said %q and wrote\n%s", said, now)
	}
	twice := files(t, root)
	if said := do(t, root, "apply"); said != "" {
		t.Errorf("doing it again says %q", said)
	}
	equal(t, "doing it again", files(t, root), twice)
	do(t, root, "remove")
	delete(was, "/etc/chromium") // nothing was there, and nothing is
	after := files(t, root)
	for _, made := range []string{"/var", "/var/lib", "/var/lib/safelight-browser-policies"} {
		delete(after, made) // the package manager's to remove
	}
	equal(t, "after removing", after, was)
}

func TestWhatTheSchoolHasSetOtherwiseIsSaidAndLeft(t *testing.T) {
	root := t.TempDir()
	const own = "{\"policies\": {\"DNSOverHTTPS\": {\"Enabled\": true, \"ProviderURL\": \"https://dns.school.example/\"}}}\n"
	put(t, root, firefox, own)
	put(t, root, "etc/chromium/policies/managed/school.json", `{"DnsOverHttpsMode": "secure"}`)
	said := do(t, root, "apply")
	for _, line := range []string{"DNSOverHTTPS is {\"Enabled\":true", "school.json: DnsOverHttpsMode is \"secure\" there, and was left so"} {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q:\n%s", line, said)
		}
	}
	now := get(t, root, firefox)
	if !strings.Contains(now, "dns.school.example") || strings.Contains(now, "Locked") || !strings.Contains(now, "DisableEncryptedClientHello") {
		t.Errorf("it wrote\n%s", now)
	}
	if ours := get(t, root, chromium); strings.Contains(ours, "DnsOverHttpsMode") || !strings.Contains(ours, "EncryptedClientHelloEnabled") {
		t.Errorf("two files of one folder say different things:\n%s", ours)
	}
	do(t, root, "remove")
	if got := get(t, root, firefox); got != own {
		t.Errorf("after removing it is %q", got)
	}
}

func TestWhatTheSchoolChangesAfterUsIsTheSchools(t *testing.T) {
	root := t.TempDir()
	do(t, root, "apply")
	put(t, root, firefox, `{"policies": {"DNSOverHTTPS": {"Enabled": true}, "DisableEncryptedClientHello": true, "DisableTelemetry": true}}`)
	if said := do(t, root, "apply"); !strings.Contains(said, "DNSOverHTTPS is {\"Enabled\":true} there") {
		t.Errorf("it said %q", said)
	}
	do(t, root, "remove")
	got, err := parseObject([]byte(get(t, root, firefox)))
	if err != nil || flat(got[0].value) != `{"DNSOverHTTPS":{"Enabled":true},"DisableTelemetry":true}` {
		t.Errorf("after removing it is %s, %v", got, err)
	}
}

func TestPrivateWindowsAreClosedOnlyWhereTheSchoolSaysAndOpenedAgain(t *testing.T) {
	root := t.TempDir()
	do(t, root, "apply")
	before := files(t, root)
	put(t, root, configFile, "private_windows: off\nbrowsers: [chromium, firefox]\n")
	do(t, root, "apply")
	if !strings.Contains(get(t, root, firefox), "DisablePrivateBrowsing") || !strings.Contains(get(t, root, chromium), `"IncognitoModeAvailability": 1`) {
		t.Error("they are not closed")
	}
	if _, err := os.Stat(filepath.Join(root, "etc/opt")); err == nil {
		t.Error("a browser that is not wanted any more still has policies")
	}
	if err := os.Remove(filepath.Join(root, configFile)); err != nil {
		t.Fatal(err)
	}
	do(t, root, "apply")
	after := files(t, root)
	for _, name := range []string{"/" + firefox, "/" + chromium, "/etc/opt/edge/policies/managed/safelight.json"} {
		if after[name] != before[name] {
			t.Errorf("%s was %q and is %q", name, before[name], after[name])
		}
	}
	do(t, root, "remove")
	for _, gone := range []string{"etc/firefox", "etc/chromium", "etc/opt", stateFile} {
		if _, err := os.Lstat(filepath.Join(root, gone)); err == nil {
			t.Errorf("%s is left", gone)
		}
	}
}

// A file that cannot be read may be half of the school's work: it is not ours to
// mend, and the other browsers get theirs all the same.
func TestAFileThatCannotBeReadIsLeftAsItIs(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"broken":       {`{"policies": {`, "left as it is"},
		"no object":    {`[1]`, "one JSON object"},
		"two":          {`{} {}`, "one JSON object"},
		"twice":        {`{"policies": {}, "policies": {}}`, "twice"},
		"inner broken": {`{"policies": []}`, "one JSON object"},
		"empty":        {``, "left as it is"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			put(t, root, firefox, c.text)
			var out bytes.Buffer
			err := run([]string{"apply", "--root", root}, &out)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "policies.json") {
				t.Errorf("got %v", err)
			}
			if got := get(t, root, firefox); got != c.text {
				t.Errorf("it is now %q", got)
			}
			if !strings.Contains(get(t, root, chromium), "DnsOverHttpsMode") {
				t.Error("the other browser was left out")
			}
		})
	}
}

func TestALinkIsNotWrittenThrough(t *testing.T) {
	root := t.TempDir()
	put(t, root, "srv/shared.json", theirs)
	put(t, root, filepath.Dir(firefox)+"/x", "")
	if err := os.Symlink(filepath.Join(root, "srv/shared.json"), filepath.Join(root, firefox)); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"apply", "--root", root}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("got %v", err)
	}
	if get(t, root, "srv/shared.json") != theirs {
		t.Error("it wrote through the link")
	}
}

// Firefox reads the file of its own folder only where there is none in /etc: one
// of ours there would put the school's out of force.
func TestAFileOfFirefoxsOwnFolderIsNotPutOutOfForce(t *testing.T) {
	root := t.TempDir()
	const own = "usr/lib/firefox-esr/distribution/policies.json"
	put(t, root, own, theirs)
	if said := do(t, root, "apply"); !strings.Contains(said, own) || !strings.Contains(said, "nothing was written") {
		t.Errorf("it said %q", said)
	}
	if _, err := os.Lstat(filepath.Join(root, firefox)); err == nil {
		t.Error("it wrote a file that hides the school's")
	}
}

func TestBadWordsAndSettingsAreRefused(t *testing.T) {
	for _, args := range [][]string{{}, {"enforce"}, {"apply", "now"}, {"apply", "--everything"}} {
		if err := run(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
	for text, says := range map[string]string{"private_windows: never": "on or off", "private_window: off": "private_window", "browsers: [opera]": "opera"} {
		root := t.TempDir()
		put(t, root, configFile, text)
		if err := run([]string{"apply", "--root", root}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), configFile) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := os.Lstat(filepath.Join(root, "etc/chromium")); err == nil {
			t.Error("it wrote something all the same")
		}
	}
}
