package e2etest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	agentpolicy "safelight/agent/policy"
	agentwatch "safelight/agent/watch"
	"safelight/collector/model"
	"safelight/collector/policy"
	"safelight/collector/store"
	collectorwatch "safelight/collector/watch"
	"safelight/internal/event"
	"safelight/internal/packdir"
	"safelight/internal/pki"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// schoolsOwn reaches what the shipped packs do not use.
const schoolsOwn = `category: our-blocks
title: Our blocks
noun: blocked sites
about: Sites that the school named.
purpose: behaviour
risk: ordinary
severity: low
owner: Head of Year
why: Somebody has to notice.
action: {pupil: alert, staff: note}
scope: {roles: [pupil], years: [7-9], when: [lesson]}
domains:
  - {file: blocks.txt, format: domains}
  - {lookalike_of: [hill-lane.sch.uk]}
raise:
  - {repeats: 2, within: 1h, to: high}
first_steps: [See the pupil in person.]
tests:
  hit: [{domain: crates.invented.example}]
  miss: [{domain: example.org}]
`

// quiet is what a Watch stream needs beside the policy.
type quiet struct{}

func (quiet) Status(model.SchoolID, string, *safelightv1.AgentStatus, time.Time) {}
func (quiet) Gone(model.SchoolID, string)                                        {}
func (quiet) Announced() []byte                                                  { return nil }
func (quiet) Held(context.Context, model.SchoolID, string, []byte) bool          { return true }
func (quiet) ResolveAccount(context.Context, model.SchoolID, string, time.Time) (*safelightv1.ResolveAccountResponse, error) {
	return &safelightv1.ResolveAccountResponse{}, nil
}

// published stores files as a collector does, and answers with it on loopback.
func published(t *testing.T, files map[string][]byte) (*policy.Publisher, safelightv1.AgentServiceClient) {
	t.Helper()
	const school = model.SchoolID("hill-lane")
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "safelight.db"))
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	ok(t, s.EnsureSchool(t.Context(), model.School{ID: school, Name: "Hill Lane", Trial: true, Created: time.Now()}))
	key, err := pki.NewPolicyKey()
	ok(t, err)
	p, err := policy.NewPublisher(t.Context(), school, key, files, s, time.Now)
	ok(t, err)
	_, err = p.Publish(t.Context(), files, "dsl", "because")
	ok(t, err)
	svc := collectorwatch.New(collectorwatch.Parts{
		Policies: p, Blobs: s, Fleet: quiet{}, People: quiet{}, Audit: quiet{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		DeviceFrom: func(context.Context) (string, model.SchoolID, bool) { return "laptop", school, true },
		Trust:      func() *safelightv1.TrustBundle { return &safelightv1.TrustBundle{} },
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	srv := grpc.NewServer()
	safelightv1.RegisterAgentServiceServer(srv, served{Service: svc})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	ok(t, err)
	t.Cleanup(func() { _ = conn.Close(); srv.Stop(); <-done })
	return p, safelightv1.NewAgentServiceClient(conn)
}

type served struct {
	*collectorwatch.Service
	safelightv1.UnsafeAgentServiceServer
}

func (served) Ship(safelightv1.AgentService_ShipServer) error { return nil }

// applied is a device that has the policy in force.
func applied(t *testing.T, p *policy.Publisher, client safelightv1.AgentServiceClient) *agentpolicy.Store {
	t.Helper()
	keys := func() (list []*safelightv1.PolicyKey) {
		for id, pub := range p.Keys() {
			list = append(list, &safelightv1.PolicyKey{KeyId: id, Ed25519Public: pub})
		}
		return list
	}
	d, err := agentpolicy.Open(filepath.Join(t.TempDir(), "policy"), "hill-lane", keys, slog.New(slog.DiscardHandler))
	ok(t, err)
	t.Cleanup(func() { ok(t, d.Close()) })
	result := make(chan error, 1)
	w := agentwatch.New(agentwatch.Parts{
		Client: client, Log: slog.New(slog.DiscardHandler), Up: func() {}, Pause: func(time.Duration) {},
		Status: func() *safelightv1.AgentStatus { return &safelightv1.AgentStatus{} },
		Trust:  func(*safelightv1.TrustBundle) error { return nil },
		Policy: func(ctx context.Context, signed *safelightv1.SignedManifest, fetch agentwatch.Fetch) error {
			err := d.Apply(ctx, signed, fetch)
			result <- err
			return err
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	select {
	case err = <-result:
	case <-time.After(time.Minute):
		t.Fatal("the policy did not arrive")
	}
	stop()
	<-ended
	ok(t, err)
	return d
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// texts is every text that stands in the packs' files: lines that rules hit and
// miss, phrases, sites, programs, explanations; and the pleas for help.
func texts(t *testing.T, files map[string][]byte) []string {
	t.Helper()
	pleas, err := os.ReadFile("../rules/pleas.txt")
	ok(t, err)
	all := map[string]bool{}
	for line := range strings.Lines(string(pleas)) {
		all[strings.TrimSpace(line)] = true
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			all[n.Value] = true
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	for name, data := range files {
		if filepath.Ext(name) == ".txt" {
			for line := range strings.Lines(string(data)) {
				all[strings.TrimSpace(line)] = true
			}
			continue
		}
		var doc yaml.Node
		ok(t, yaml.Unmarshal(data, &doc))
		walk(&doc)
	}
	return slices.Sorted(maps.Keys(all))
}

// whose are those a line is judged for.
func whose() []rules.Input {
	lesson := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return []rules.Input{
		{At: lesson},
		{Role: "pupil", Year: "8", Groups: []string{"8b"}, Site: "main", Premises: "on", Periods: []string{"lesson", "school-day"}, At: lesson},
		{Role: "pupil", Year: "12", Site: "annexe", Unfiltered: true, Premises: "off", Periods: []string{"out-of-hours"}, At: lesson.Add(10 * time.Hour), Unreviewed: true},
		{Role: "staff", At: lesson, NoSearches: true},
		{Role: "head", At: lesson},
		{Role: "pupil", Year: "9", Periods: []string{"lesson"}, At: lesson, Exempt: []string{"games", "video", "self-harm"}, Recent: []rules.Seen{
			{Category: "our-blocks", Rule: "our-blocks/list/blocks", At: lesson.Add(-time.Minute)}, {Category: "suicide", Rule: "x", At: lesson.Add(-time.Minute)},
		}},
	}
}

// The same input and the same rules give the same verdict on a device and at the
// collector, to the letter: what a device judges by came over the wire as tables.
// These are held to being the collector's, and every line is judged for somebody; for
// everybody it is judged in internal/bundle, without the race detector.
func TestDeviceAndCollectorGiveTheSameVerdictOnEveryLine(t *testing.T) {
	files, err := packdir.Shipped()
	ok(t, err)
	files["our-school/pack.yaml"] = []byte("pack: our-school\ntitle: Our school\nversion: 4\n")
	files["our-school/blocks.yaml"] = []byte(schoolsOwn)
	files["our-school/blocks.txt"] = []byte("crates.invented.example\nwww.barrels.invented.example\n")
	collector, err := rules.Compile(files)
	ok(t, err)
	p, client := published(t, files)
	device := applied(t, p, client)

	lines := append(texts(t, files), "h1ll-lane.sch.uk", "www.crates.invented.example", "I want to k1ll mys3lf", "s u i c i d e")
	judged, flagged := 0, 0
	device.Use(func(set *rules.Ruleset, epoch, serial uint64) {
		if set == nil || epoch != 1 || serial != 1 {
			t.Fatalf("policy %d.%d is in force", epoch, serial)
		}
		here, there := collector.Tables(), set.Tables()
		small := *collector.Policy()
		small.Rules, small.Domains, small.Programs = nil, nil, nil // in the table
		if !reflect.DeepEqual(&small, set.Policy()) || !bytes.Equal(here.Rules, there.Rules) || !bytes.Equal(here.Phrases, there.Phrases) || !bytes.Equal(here.Names, there.Names) {
			t.Error("the device has other rules than the collector")
		}
		people := whose()
		for n, line := range lines {
			for k, kind := range []event.Kind{event.Domain, event.Search, event.Process} {
				in := people[(n+k)%len(people)]
				in.Kind, in.Text = kind, line
				if kind == event.Process {
					in.Exe, in.OriginalName, in.Signer, in.SHA256 = `C:\Apps\`+line, line, line, strings.Repeat("ab", 32)
				}
				want, got := collector.Judge(in), set.Judge(in)
				if judged++; !reflect.DeepEqual(want, got) {
					t.Errorf("%+v: the device says\n%+v, the collector\n%+v", in, got, want)
				}
				if want.Decision == rules.Flag {
					flagged++
				}
			}
		}
	})
	t.Logf("%d lines, %d verdicts, %d of them flags", len(lines), judged, flagged)
	if len(lines) < 1500 || flagged < 3000 {
		t.Errorf("%d lines and %d flags: does this test still see the packs?", len(lines), flagged)
	}
}
