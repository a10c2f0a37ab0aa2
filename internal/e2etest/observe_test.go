package e2etest

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

// observed is what of an `observe` line is looked at.
type observed struct {
	Kind, Name, Via, Process, User string
	Count                          int
}

func TestObserveLiveShowsAVisitOverTLSAndANewProgram(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("looking at packets needs root")
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl on this machine")
	}
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select { // long enough for the connection's owner to be read
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
	}))
	site.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	site.StartTLS()
	defer site.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := watchLive(ctx, t)
	port := must[*url.URL](t)(url.Parse(site.URL)).Port()
	program := filepath.Join(t.TempDir(), "newprogram")
	check(t, os.WriteFile(program, must[[]byte](t)(os.ReadFile("/bin/sleep")), 0o700))

	tlsSeen, programSeen := false, false
	again := time.NewTicker(2 * time.Second) // the watch may not have begun at the first try
	defer again.Stop()
	deadline := time.After(trialschool.Patience)
	try := func() {
		go func() {
			_ = exec.CommandContext(ctx, curl, "--silent", "--insecure", "--noproxy", "*", "--resolve", "visited.example:"+port+":127.0.0.1", "https://visited.example:"+port+"/").Run()
		}()
		go func() { _ = exec.CommandContext(ctx, program, "20").Run() }()
	}
	try()
	for !tlsSeen || !programSeen {
		select {
		case o := <-seen:
			tlsSeen = tlsSeen || o.Name == "visited.example" && o.Via == "tls" && o.Kind == "domain"
			programSeen = programSeen || o.Name == "newprogram" && o.Kind == "process"
		case <-again.C:
			try()
		case <-deadline:
			t.Fatalf("visit seen %v, program seen %v", tlsSeen, programSeen)
		}
	}
}

// watchLive runs `observe --live` until ctx ends.
func watchLive(ctx context.Context, t *testing.T) <-chan observed {
	t.Helper()
	_, agent := trialschool.Programs(bin)
	cmd := exec.CommandContext(ctx, agent, "observe", "--live")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // ctx killed it
	seen := make(chan observed)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var o observed
			if json.Unmarshal(lines.Bytes(), &o) == nil {
				select {
				case seen <- o:
				case <-ctx.Done():
				}
			}
		}
	}()
	return seen
}
