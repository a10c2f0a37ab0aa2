package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"safelight/agent/selfcheck"
	"safelight/agent/source/network"
	"safelight/agent/source/weblog"
)

// Config is agent.yaml.
type Config struct {
	Network Network  `yaml:"network"`
	Process Switch   `yaml:"process"`
	Browser Switch   `yaml:"browser"`
	Weblog  []Weblog `yaml:"weblog"`
	Checks  Checks   `yaml:"checks"`
	// Keepalive is how long the line to the collector may be silent before the
	// device asks whether it still stands; see quiet.
	Keepalive string `yaml:"keepalive"`
}

// Checks says by what the school's filter is tried; nothing by default.
type Checks struct {
	Pages []Page `yaml:"pages"`
	// TestAccounts are accounts of nobody's, for tests: the filter may be tried
	// while one is signed in.
	TestAccounts []string `yaml:"test_accounts"`
}

// Page is a test page; see selfcheck.Page.
type Page struct {
	Name   string `yaml:"name"`
	URL    string `yaml:"url"`
	Expect string `yaml:"expect"`
	Open   bool   `yaml:"open"`
}

func (c Checks) pages() []selfcheck.Page {
	var all []selfcheck.Page
	for _, p := range c.Pages {
		all = append(all, selfcheck.Page(p))
	}
	return all
}

// Switch turns a source on.
type Switch struct {
	Enabled bool `yaml:"enabled"`
}

// Network says how packets are watched.
type Network struct {
	Enabled bool `yaml:"enabled"`
	// Capture is auto (or nothing), bpf or packet; docs/capture.md says what each
	// sees and needs.
	Capture string `yaml:"capture"`
	// Cgroup is the folder of a cgroup v2 whose processes alone BPF watches;
	// everything where it is left out.
	Cgroup string `yaml:"cgroup"`
}

func (n Network) check() error {
	if _, err := network.ParseWay(n.Capture); err != nil {
		return fmt.Errorf("network: capture %q: %w", n.Capture, err)
	}
	if n.Cgroup != "" && !filepath.IsAbs(n.Cgroup) {
		return fmt.Errorf("network: cgroup %q: want an absolute path", n.Cgroup)
	}
	return nil
}

// Weblog is a log file to follow.
type Weblog struct {
	Format string `yaml:"format"`
	Path   string `yaml:"path"`
	// ReadBack says how old a line may be that stands in the log when it is
	// followed for the first time: a duration, `all` or `none`; ten minutes
	// where it is left out.
	ReadBack string `yaml:"read_back"`
	// TimeZone is of times without one, as "Europe/London"; the system's where
	// it is left out.
	TimeZone string `yaml:"time_zone"`
	// Columns and Denied are of CSV files; see weblog.Options.
	Columns map[string]string `yaml:"columns"`
	Denied  []string          `yaml:"denied"`
}

// defaultReadBack is enough for what happened while the agent was installed,
// and too little for yesterday to raise alerts.
const defaultReadBack = 10 * time.Minute

// config reads the log's settings as package weblog takes them.
func (w Weblog) config() (weblog.Config, error) {
	c := weblog.Config{Format: w.Format, Path: w.Path, Options: weblog.Options{Columns: w.Columns, Denied: w.Denied}}
	var err error
	if c.ReadBack, err = readBack(w.ReadBack); err != nil {
		return c, err
	}
	if w.TimeZone != "" {
		if c.Zone, err = time.LoadLocation(w.TimeZone); err != nil {
			return c, fmt.Errorf("time_zone %q: this system knows no such zone; want a name such as Europe/London, or UTC", w.TimeZone)
		}
	}
	if len(w.Columns)+len(w.Denied) > 0 && w.Format != "csv" {
		return c, fmt.Errorf("columns and denied are for format csv, not for %s", w.Format)
	}
	for role := range w.Columns {
		if !slices.Contains(weblog.Columns, role) {
			return c, fmt.Errorf("columns: %q: want one of %v", role, weblog.Columns)
		}
	}
	return c, nil
}

func readBack(said string) (time.Duration, error) {
	switch said {
	case "":
		return defaultReadBack, nil
	case "all":
		return 0, nil
	case "none":
		return weblog.FromEnd, nil
	}
	d, err := time.ParseDuration(said)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("read_back %q: want a time such as 30m or 24h, all, or none", said)
	}
	return d, nil
}

// DefaultConfig is what a device without an agent.yaml does.
var DefaultConfig = Config{Network: Network{Enabled: true}, Process: Switch{true}}

// ReadConfig reads an agent.yaml; one that is missing says DefaultConfig.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultConfig, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w", err)
	}
	c, err := parseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(data []byte) (Config, error) {
	var c Config
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, err
	}
	if c.Browser.Enabled {
		return Config{}, errors.New("browser: this version has no browser extension; set enabled: false")
	}
	if err := c.Network.check(); err != nil {
		return Config{}, err
	}
	if _, err := quiet(c.Keepalive); err != nil {
		return Config{}, err
	}
	if err := selfcheck.CheckPages(c.Checks.pages()); err != nil {
		return Config{}, fmt.Errorf("checks: %w", err)
	}
	seen := map[string]bool{}
	for i, w := range c.Weblog {
		if _, err := weblog.FormatNamed(w.Format); err != nil {
			return Config{}, fmt.Errorf("weblog[%d]: %w", i, err)
		}
		if _, err := w.config(); err != nil {
			return Config{}, fmt.Errorf("weblog[%d]: %w", i, err)
		}
		switch {
		case !filepath.IsAbs(w.Path):
			return Config{}, fmt.Errorf("weblog[%d]: path %q: want an absolute path", i, w.Path)
		case strings.HasSuffix(w.Path, ".gz"):
			return Config{}, fmt.Errorf("weblog[%d]: path %q: a compressed file is not written to any more; want the one the program writes", i, w.Path)
		case seen[w.Path]:
			return Config{}, fmt.Errorf("weblog[%d]: path %q is followed already", i, w.Path)
		}
		seen[w.Path] = true
	}
	return c, nil
}
