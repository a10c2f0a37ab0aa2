package policies_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// asInstalled makes a script that runs a browser with an /etc of its own, in which
// the tool has done its work and besides which nothing has changed.
func asInstalled(t *testing.T, browser string) (wrapper, profile string) {
	t.Helper()
	if os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
		t.Skip("SKIPPED: a part of make acceptance (SAFELIGHT_ACCEPTANCE=1)")
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: an /etc of its own needs root")
	}
	path, err := exec.LookPath(browser)
	if err != nil {
		t.Skipf("SKIPPED: needs %s (.ci/setup long installs it)", browser)
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "root", "etc"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "work"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "root/etc/safelight-browser-policies.yaml"), []byte("private_windows: off\n"), 0o600))
	out, err := exec.Command("go", "run", "./merge", "apply", "--root", filepath.Join(dir, "root")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script := fmt.Sprintf(`#!/bin/sh
exec unshare --mount sh -c 'mount --make-rprivate / && mount -t overlay -o lowerdir=/etc,upperdir=%[1]s/root/etc,workdir=%[1]s/work overlay /etc && exec "$@"' sh %[2]s "$@"
`, dir, path)
	wrapper = filepath.Join(dir, "browser")
	must(t, os.WriteFile(wrapper, []byte(script), 0o700))
	if out, err := exec.Command(wrapper, "--version").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: an overlay on /etc cannot be had here: %v: %s", err, out)
	}
	return wrapper, filepath.Join(dir, "profile")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const patience = time.Minute

// TestTheBrowsersTakeThePolicies asks the browsers themselves what they hold for
// in force.
func TestTheBrowsersTakeThePolicies(t *testing.T) {
	t.Run("Chromium", chromiumTakes)
	t.Run("Firefox", firefoxTakes)
}

func chromiumTakes(t *testing.T) {
	wrapper, profile := asInstalled(t, "chromium")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(wrapper), chromedp.NoSandbox, chromedp.UserDataDir(profile))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	// The page is made of elements within elements, each with a tree of its own.
	const read = `(function text(n) {
		if (n.nodeType === 3) return n.data.trim();
		if (["STYLE", "SCRIPT", "TEMPLATE"].includes(n.nodeName)) return "";
		return [n.shadowRoot, ...n.childNodes].filter(Boolean).map(text).filter(Boolean).join(" ");
	})(document.body)`
	var page string
	_, err := chromedp.Run(ctx, chromedp.Navigate("chrome://policy"))
	must(t, err)
	for !strings.Contains(page, "DnsOverHttpsMode") {
		page, err = chromedp.Run(ctx, chromedp.Evaluate[string](read))
		must(t, err)
		select {
		case <-ctx.Done():
			t.Fatalf("chrome://policy does not name DnsOverHttpsMode:\n%s", page)
		case <-time.After(100 * time.Millisecond):
		}
	}
	for _, line := range []string{"DnsOverHttpsMode off", "EncryptedClientHelloEnabled false", "IncognitoModeAvailability 1", "BrowserGuestModeEnabled false"} {
		if !strings.Contains(page, line+" Platform Machine Mandatory OK") {
			t.Errorf("chrome://policy does not say that %q is in force", line)
		}
	}
	if !strings.Contains(page, " BuiltInDnsClientEnabled Not set.") {
		t.Error("BuiltInDnsClientEnabled, asked for on Windows, is no policy that it knows")
	}
}

func firefoxTakes(t *testing.T) {
	wrapper, profile := asInstalled(t, "firefox-esr")
	must(t, os.Mkdir(profile, 0o700))
	port := freePort(t)
	must(t, os.WriteFile(filepath.Join(profile, "user.js"), fmt.Appendf(nil, "user_pref(\"marionette.port\", %d);\n", port), 0o600))
	cmd := exec.Command(wrapper, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile)
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_DISABLE_CONTENT_SANDBOX=1")
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var conn net.Conn
	deadline := time.Now().Add(patience)
	for conn == nil {
		conn, _ = net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if conn == nil && time.Now().After(deadline) {
			t.Fatal("Firefox does not answer")
		}
		<-time.After(100 * time.Millisecond)
	}
	defer conn.Close()
	must(t, conn.SetDeadline(deadline))
	m := marionette{bufio.NewReader(conn), conn}
	m.read(t) // its greeting
	m.call(t, 1, "WebDriver:NewSession", map[string]any{})
	m.call(t, 2, "Marionette:SetContext", map[string]any{"value": "chrome"})
	said := m.call(t, 3, "WebDriver:ExecuteScript", map[string]any{"args": []any{}, "script": `return JSON.stringify([
		Services.policies.status === Services.policies.ACTIVE, Services.policies.getActivePolicies(),
		Services.prefs.getIntPref("network.trr.mode"), Services.prefs.prefIsLocked("network.trr.mode"),
		Services.prefs.getBoolPref("network.dns.echconfig.enabled"), Services.policies.isAllowed("privatebrowsing")])`})
	var value struct{ Value string }
	must(t, json.Unmarshal([]byte(said), &value))
	const want = `[true,{"DNSOverHTTPS":{"Enabled":false,"Locked":true},"DisableEncryptedClientHello":true,"DisablePrivateBrowsing":true},5,true,false,false]`
	if value.Value != want { // 5: encrypted DNS is off by choice
		t.Errorf("Firefox says %s, want %s", value.Value, want)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// marionette speaks Firefox's own protocol for tests: a number, a colon and that
// many bytes of JSON.
type marionette struct {
	in *bufio.Reader
	net.Conn
}

func (m marionette) read(t *testing.T) []byte {
	t.Helper()
	length, err := m.in.ReadString(':')
	must(t, err)
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	must(t, err)
	text := make([]byte, n)
	_, err = io.ReadFull(m.in, text)
	must(t, err)
	return text
}

func (m marionette) call(t *testing.T, id int, name string, params any) string {
	t.Helper()
	text, err := json.Marshal([]any{0, id, name, params})
	must(t, err)
	_, err = fmt.Fprintf(m.Conn, "%d:%s", len(text), text)
	must(t, err)
	var answer [4]json.RawMessage
	must(t, json.Unmarshal(m.read(t), &answer))
	if string(answer[2]) != "null" {
		t.Fatalf("%s: %s", name, answer[2])
	}
	return string(answer[3])
}
