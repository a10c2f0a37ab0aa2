package network

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"safelight/agent/source/replay"
	"safelight/internal/event"
)

// client is a program that asks for a name at an address of the far end. That
// nothing sensible is answered is the plan: its errors are nobody's business.
type client struct {
	name  string
	via   event.Via
	heavy bool // `make acceptance` only
	// tool is what must be installed; empty if run does it all.
	tool string
	args func(t *testing.T, name, addr string) []string
	run  func(name, addr string)
}

var allClients = []client{
	{name: "go", via: event.ViaTLS, run: func(name, addr string) { _ = hello(net.JoinHostPort(addr, "443"), name) }},
	{name: "quic-go-v1", via: event.ViaQUIC, run: func(name, addr string) { dialQUIC(name, addr, quic.Version1) }},
	{name: "quic-go-v2", via: event.ViaQUIC, run: func(name, addr string) { dialQUIC(name, addr, quic.Version2) }},
	{name: "curl", via: event.ViaTLS, tool: "curl", args: func(_ *testing.T, name, addr string) []string {
		return []string{"--insecure", "--max-time", "5", "--resolve", name + ":443:" + bracketed(addr), "https://" + name + "/"}
	}},
	{name: "curl-plain", via: event.ViaHTTP, tool: "curl", args: func(_ *testing.T, name, addr string) []string {
		return []string{"--max-time", "5", "--resolve", name + ":80:" + bracketed(addr), "http://" + name + "/"}
	}},
	{name: "openssl", via: event.ViaTLS, tool: "openssl", args: func(_ *testing.T, name, addr string) []string {
		return []string{"s_client", "-connect", net.JoinHostPort(addr, "443"), "-servername", name}
	}},
	{name: "dig", via: event.ViaDNS, tool: "dig", args: func(_ *testing.T, name, addr string) []string {
		return []string{"@" + addr, "+time=1", "+tries=1", name, "AAAA"}
	}},
	{name: "dig-tcp", via: event.ViaDNS, tool: "dig", args: func(_ *testing.T, name, addr string) []string {
		return []string{"@" + addr, "+tcp", "+time=1", "+tries=1", name, "A"}
	}},
	{name: "chromium", via: event.ViaTLS, heavy: true, tool: "chromium", args: func(t *testing.T, name, addr string) []string {
		return chromium(t, name, addr)
	}},
	{name: "chromium-quic", via: event.ViaQUIC, heavy: true, tool: "chromium", args: func(t *testing.T, name, addr string) []string {
		return chromium(t, name, addr, "--enable-quic", "--origin-to-force-quic-on="+name+":443")
	}},
	{name: "firefox", via: event.ViaTLS, heavy: true, tool: "firefox-esr", args: firefox},
}

func bracketed(addr string) string {
	if strings.Contains(addr, ":") {
		return "[" + addr + "]"
	}
	return addr
}

func dialQUIC(name, addr string, version quic.Version) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := quic.DialAddr(ctx, net.JoinHostPort(addr, "443"),
		&tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"h3"}},
		&quic.Config{Versions: []quic.Version{version}, HandshakeIdleTimeout: time.Second})
	if err == nil {
		_ = conn.CloseWithError(0, "")
	}
}

func chromium(t *testing.T, name, addr string, more ...string) []string {
	return append(more, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP * "+bracketed(addr),
		"--ignore-certificate-errors", "https://"+name+"/")
}

func firefox(t *testing.T, name, addr string) []string {
	profile := t.TempDir()
	prefs := `user_pref("network.dns.forceResolve", "` + addr + `");
user_pref("network.captive-portal-service.enabled", false);
user_pref("dom.security.https_first", false);
`
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--headless", "--no-remote", "--profile", profile, "https://" + name + "/"}
}

// Every client in use here, over both kinds of address, on a cable where a
// hello takes several segments and a QUIC hello several datagrams, some in
// disorder: live, and in the capture file that tcpdump makes meanwhile.
func TestEveryClientsNameIsSeen(t *testing.T) {
	if !namespace(t) {
		return
	}
	makeWorld(t)
	stopDump := dump(t)
	out := &gather{}
	watchingInto(t, Config{Unfolded: true}, out)
	type sight struct {
		name string
		via  event.Via
	}
	var want []sight
	for _, c := range allClients {
		for kind, addr := range map[string]string{"ipv4": farAddr4, "ipv6": farAddr6} {
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				if c.heavy && os.Getenv("SAFELIGHT_ACCEPTANCE") == "" {
					t.Skip("SKIPPED: browsers are part of make acceptance")
				}
				name := c.name + "." + kind + ".example.org"
				visitWith(t, c, name, addr, func() bool { return sawVia(out, name, c.via) })
				want = append(want, sight{name, c.via})
			})
		}
	}
	file := stopDump()
	if file == "" {
		t.Log("tcpdump is not installed: no capture file was made")
		return
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	inFile := make(map[sight]bool)
	if _, err := replay.Names(bytes.NewReader(b), func(o event.Observation) { inFile[sight{o.Name, o.Via}] = true }); err != nil {
		t.Fatal(err)
	}
	for _, s := range want {
		if !inFile[s] {
			t.Errorf("%s by %s is not seen in the capture file", s.name, s.via)
		}
	}
}

func sawVia(out *gather, name string, via event.Via) bool {
	for _, o := range out.all() {
		if o.Name == name && o.Via == via {
			return true
		}
	}
	return false
}

// visitWith runs a client until its name is seen, or it has had its time.
func visitWith(t *testing.T, c client, name, addr string, seen func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	done := make(chan struct{})
	if c.tool == "" {
		go func() { defer close(done); c.run(name, addr) }()
	} else {
		tool, err := exec.LookPath(c.tool)
		if err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
		cmd := exec.CommandContext(ctx, tool, c.args(t, name, addr)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		stayOnThread(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { defer close(done); _ = cmd.Wait() }()
	}
	ended, grace := done, time.Duration(0)
	for began := time.Now(); !seen(); {
		select {
		case <-ended:
			ended, grace, began = nil, 3*time.Second, time.Now()
		case <-ctx.Done():
			t.Fatalf("%s by %s was not seen within a minute", name, c.via)
		case <-time.After(10 * time.Millisecond): // what the sink has is only to be asked for
		}
		if grace > 0 && time.Since(began) > grace {
			t.Fatalf("%s by %s was not seen", name, c.via)
		}
	}
	cancel()
	<-done
}

// dump has tcpdump write what passes the cable to a file; the returned function
// stops it and names the file, or nothing where there is no tcpdump.
func dump(t *testing.T) func() string {
	t.Helper()
	tool, err := exec.LookPath("tcpdump")
	if err != nil {
		return func() string { return "" }
	}
	file := filepath.Join(t.TempDir(), "cable.pcap")
	cmd := exec.Command(tool, "-i", "near", "-Z", "root", "-U", "-s", "0", "-B", "65536", "-w", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stayOnThread(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "tcpdump to begin", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 0
	})
	return func() string {
		time.Sleep(time.Second) // it writes what it has read when it likes
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			t.Fatalf("tcpdump: %v\n%s", err, said.String())
		}
		return file
	}
}
