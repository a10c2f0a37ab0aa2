package trialschool

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The users of a trial school; plainly invented. Every one has the DSL; IT is there
// from the first change of rules on that takes two people.
const (
	DSLName  = "Demo DSL"
	DSLEmail = "dsl@trial-school.example"
	ITName   = "Demo IT"
	ITEmail  = "it@trial-school.example"
)

// School is a trial school in a folder.
type School struct {
	Dir        string
	Collector  string // the program
	Agent      string // the program
	AgentsAddr string
	// Through is where agents reach AgentsAddr; empty: there.
	Through    string
	ConsoleURL string
	MetricsURL string
	PublicAddr string // of the About page
	// Mail is the mail section of collector.yaml; empty for none.
	Mail string
	// Postgres is the URL of the database that the collector keeps its store in;
	// empty: a file of its own.
	Postgres string
	// Fallback is another collector's address, which agents try where this one
	// does not answer.
	Fallback string
	// LogLevel is both programs'; empty: their default.
	LogLevel string
	// Ended takes why a program ended by itself.
	Ended chan error

	collectorDir string // empty: collector
}

// Programs are the two built programs under bin.
func Programs(bin string) (collector, agent string) {
	return filepath.Join(bin, "safelight-collector"), filepath.Join(bin, "safelight-agent")
}

// New chooses ports and makes the collector's folder. dir must be short: local
// sockets stand below it. The School is there even beside an error.
func New(ctx context.Context, dir, bin string) (*School, error) {
	s := &School{Dir: dir, Ended: make(chan error, 1)}
	s.Collector, s.Agent = Programs(bin)
	ports, err := FreePorts(4)
	if err != nil {
		return s, err
	}
	s.AgentsAddr = "127.0.0.1:" + ports[0]
	s.ConsoleURL = "https://localhost:" + ports[1]
	s.MetricsURL = "http://127.0.0.1:" + ports[2]
	s.PublicAddr = "127.0.0.1:" + ports[3]
	_, err = Once(ctx, s.Collector, "init", "--dir", s.CollectorDir())
	return s, err
}

// CollectorDir is the collector's state folder.
func (s *School) CollectorDir() string {
	return filepath.Join(s.Dir, cmp.Or(s.collectorDir, "collector"))
}

// Beside makes a second collector of the same school, for the same database, out of
// the first one's keys. Call it once the first is configured.
func (s *School) Beside() (*School, error) {
	ports, err := FreePorts(4)
	if err != nil {
		return nil, err
	}
	second := *s
	second.collectorDir = "collector-2"
	second.AgentsAddr, second.Fallback = "127.0.0.1:"+ports[0], s.AgentsAddr
	second.ConsoleURL, second.MetricsURL = "https://localhost:"+ports[1], "http://127.0.0.1:"+ports[2]
	second.PublicAddr = "127.0.0.1:" + ports[3]
	s.Fallback = second.AgentsAddr
	return &second, copyKeys(s.CollectorDir(), second.CollectorDir())
}

// copyKeys copies a state folder, for its owner only.
func copyKeys(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), "safelight.db"):
			return nil // a socket, or the store that is not used
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}

// AgentDir is the first agent's state folder.
func (s *School) AgentDir() string { return filepath.Join(s.Dir, "agent") }

// StartCollector writes its configuration and runs it until it is ready.
func (s *School) StartCollector(ctx context.Context) (*Program, error) {
	addresses := strconv.Quote(cmp.Or(s.Through, s.AgentsAddr))
	if s.Fallback != "" {
		addresses += ", " + strconv.Quote(s.Fallback)
	}
	conf := fmt.Sprintf("school: {name: Trial school}\npublic_url: %s\nlisten: {agents: %q, console: %q, public: %q, metrics: %q}\nagent_addresses: [%s]\n",
		s.ConsoleURL, s.AgentsAddr, strings.Replace(s.ConsoleURL, "https://localhost", "127.0.0.1", 1), s.PublicAddr, strings.TrimPrefix(s.MetricsURL, "http://"), addresses)
	if s.Postgres != "" {
		conf += fmt.Sprintf("store: {postgres: {url: %q}}\n", s.Postgres)
	}
	if s.Mail != "" {
		conf += "mail: " + s.Mail + "\n"
	}
	if err := os.WriteFile(filepath.Join(s.CollectorDir(), "collector.yaml"), []byte(conf), 0o600); err != nil {
		return nil, err
	}
	return Start(ctx, s.Ended, `"ready"`, s.Collector, s.logged("serve", "--dir", s.CollectorDir())...)
}

func (s *School) logged(args ...string) []string {
	if s.LogLevel == "" {
		return args
	}
	return append(args, "--log", s.LogLevel)
}

// Verb runs a verb of the collector and returns what it printed.
func (s *School) Verb(ctx context.Context, verb ...string) ([]byte, error) {
	return Once(ctx, s.Collector, append(verb, "--dir", s.CollectorDir())...)
}

// Ask runs a verb of the collector and reads the JSON document it prints.
func (s *School) Ask(ctx context.Context, into any, verb ...string) error {
	out, err := s.Verb(ctx, append(verb, "--json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("reading what `%s` printed: %w", strings.Join(verb, " "), err)
	}
	return nil
}

// AddDSL adds the user and returns the one-time link.
func (s *School) AddDSL(ctx context.Context) (link string, err error) {
	var added struct {
		Link string `json:"link"`
	}
	err = s.Ask(ctx, &added, "user", "add", "--name", DSLName, "--email", DSLEmail, "--duty", "dsl")
	return added.Link, err
}

// ImportPupil makes the account an invented pupil of year 9.
func (s *School) ImportPupil(ctx context.Context, account string) error {
	roster := filepath.Join(s.Dir, "pupils.csv")
	if err := os.WriteFile(roster, []byte("account,name,role,year\n"+account+",Demo Pupil,pupil,9\n"), 0o600); err != nil {
		return err
	}
	_, err := s.Verb(ctx, "roster", "import", roster)
	return err
}

// Publish brings a folder of rules into force: by the DSL alone, or, where it takes
// two people, as IT's proposal.
func (s *School) Publish(ctx context.Context, dir string) error {
	_, err := s.Verb(ctx, "rules", "publish", dir, "--as", DSLName, "--reason", "Trial")
	if err == nil || !strings.Contains(err.Error(), "takes two people") {
		return err
	}
	_, err = s.Verb(ctx, "user", "add", "--name", ITName, "--email", ITEmail, "--duty", "it")
	if err != nil && !strings.Contains(err.Error(), "already") {
		return err
	}
	var made struct {
		Proposal string `json:"proposal"`
	}
	err = s.Ask(ctx, &made, "rules", "propose", dir, "--as", ITName, "--reason", "Trial", "--necessity", "Tests want it")
	if err != nil {
		return err
	}
	_, err = s.Verb(ctx, "rules", "publish", made.Proposal, "--as", DSLName, "--reason", "Trial")
	return err
}

// Enrol enrols an agent in dir and writes its agent.yaml.
func (s *School) Enrol(ctx context.Context, dir, agentYAML string) error {
	var token struct {
		Token string `json:"token"`
	}
	if err := s.Ask(ctx, &token, "token", "create", "--uses", "1"); err != nil {
		return err
	}
	if _, err := Once(ctx, s.Agent, "enrol", "--as-new", "--dir", dir, "--token", token.Token); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(agentYAML), 0o600)
}

// StartAgent runs the agent in dir; it is ready when Status says so.
func (s *School) StartAgent(ctx context.Context, dir string) (*Program, error) {
	return Start(ctx, s.Ended, "", s.Agent, s.logged("run", "--dir", dir)...)
}

// AgentStatus is what of `status --json` is waited for.
type AgentStatus struct {
	Running   bool   `json:"running"`
	Connected bool   `json:"connected"`
	Delivery  string `json:"delivery"`
	Policy    *struct {
		Epoch, Serial uint64
	} `json:"policy"`
	Sources []struct {
		Name, State, Detail string
		Way                 string
		Seen, Dropped, Lost uint64
	} `json:"sources"`
	Spool struct {
		Lanes []struct {
			Lane  string
			Depth uint64
		} `json:"lanes"`
	} `json:"spool"`
	CPUSeconds  float64 `json:"cpu_seconds"`
	MemoryBytes uint64  `json:"memory_bytes"`
}

// Waiting counts the records in the spool.
func (st AgentStatus) Waiting() (n uint64) {
	for _, l := range st.Spool.Lanes {
		n += l.Depth
	}
	return n
}

// Ready says that it is connected, has rules and every source runs.
func (st AgentStatus) Ready() bool {
	ready := st.Connected && st.Policy != nil
	for _, src := range st.Sources {
		ready = ready && src.State == "running"
	}
	return ready
}

// Status asks the agent in dir.
func (s *School) Status(ctx context.Context, dir string) (AgentStatus, error) {
	var st AgentStatus
	out, err := Once(ctx, s.Agent, "status", "--dir", dir, "--json")
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(out, &st)
}

// UntilReady waits for the agent in dir.
func (s *School) UntilReady(ctx context.Context, dir string) error {
	return Until(ctx, "the agent to be ready", func() (bool, string) {
		st, err := s.Status(ctx, dir)
		return err == nil && st.Ready(), fmt.Sprintf("%+v %v", st, err)
	})
}

// Until asks again and again, because the answer is another program's.
func Until(ctx context.Context, what string, done func() (ok bool, detail string)) error {
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		ok, detail := done()
		if ok {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("waited %s for %s; last seen: %s", Patience, what, strings.TrimSpace(detail))
		}
	}
}

// Lines reads the JSON objects, one a line, that a verb printed.
func Lines[T any](out []byte) ([]T, error) {
	var all []T
	for line := range strings.Lines(string(out)) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			return nil, fmt.Errorf("reading %q: %w", line, err)
		}
		all = append(all, one)
	}
	return all, nil
}
