package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"safelight/collector/about"
	"safelight/collector/alert/notify"
	"safelight/collector/store"
	"safelight/internal/pki"
)

// Config is collector.yaml.
type Config struct {
	School    SchoolConfig  `yaml:"school"`
	PublicURL string        `yaml:"public_url"`
	HTTPS     HTTPSConfig   `yaml:"https"`
	Listen    ListenConfig  `yaml:"listen"`
	Store     StoreConfig   `yaml:"store"`
	Mail      notify.Config `yaml:"mail"`
	About     about.Own     `yaml:"about"`
	TimeZone  string        `yaml:"time_zone"`
	// AgentAddresses stand in enrolment tokens; by default the public URL's
	// host with listen.agents' port.
	AgentAddresses []string `yaml:"agent_addresses"`
	// ServerNames are what devices hold the collector's certificate against; by
	// default one that no network knows. To change it, list the new one beside
	// the old until every device has been seen.
	ServerNames []string `yaml:"server_names"`
}

// SchoolConfig names the school.
type SchoolConfig struct {
	Name string `yaml:"name"`
}

// HTTPSConfig is the certificate that people's browsers see; by default the
// collector's own, which they do not know.
type HTTPSConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// ListenConfig says where the collector listens.
type ListenConfig struct {
	Agents  string `yaml:"agents"`  // gRPC, mutual TLS only
	Console string `yaml:"console"` // HTTPS for staff
	Public  string `yaml:"public"`  // the About page, for everybody; HTTPS unless about.behind_proxy
	Metrics string `yaml:"metrics"` // /readyz and /metrics, loopback by default
}

// StoreConfig says where the store is.
type StoreConfig struct {
	SQLite   SQLiteConfig   `yaml:"sqlite"`
	Postgres PostgresConfig `yaml:"postgres"`
}

// SQLiteConfig is the embedded store.
type SQLiteConfig struct {
	Path string `yaml:"path"` // under the state folder unless absolute
}

// PostgresConfig is a store that several collectors share. Where it is set SQLite
// is not used.
type PostgresConfig struct {
	URL string `yaml:"url"` // postgres://user:password@host/database
}

// defaults is a fresh collector.yaml.
const defaults = `# Safelight collector. Restart it after a change.
school:
  name: Trial school
# Where staff reach the console, and (its host) where agents reach the collector.
public_url: https://localhost:8443
# A certificate that the staff's browsers know; without it they will warn.
https: {cert: "", key: ""}
listen:
  agents: ":7443"          # gRPC for agents, mutual TLS only
  console: ":8443"         # HTTPS for staff
  public: ":8444"          # HTTPS for everybody: the About page, which nothing switches off
  metrics: "127.0.0.1:9464"
store:
  sqlite: {path: safelight.db}
  # For several collectors on one database; see docs/two-collectors.md.
  postgres: {url: ""}
# The mail server that alerts leave by. Until host is set no mail is sent, and
# every alert says so.
mail:
  host: ""
  port: 587
  tls: starttls            # starttls, tls, or none (loopback only)
  user: ""
  password_file: ""
  from: ""
time_zone: Europe/London
# What the About page says in the school's own words; what is left out it says is
# not decided yet. address: where people reach listen.public, if not at the host of
# public_url. behind_proxy: a proxy does HTTPS, and listen.public speaks plain HTTP.
# Also: lead (a name), network_logs (true where devices follow logs of the school's
# network), more (a paragraph).
about:
  contact: {name: "", email: "", phone: ""}   # whom to ask what is recorded
  talk_to: []                                 # adults to go to: [your form tutor]
  reading_hours: ""                           # school days, 8:00 to 16:00
  out_of_hours: ""                            # not-read, rota or service
`

func configFile(dir string) string { return filepath.Join(dir, "collector.yaml") }

// ReadConfig reads collector.yaml under dir.
func ReadConfig(dir string) (Config, error) {
	path := configFile(dir)
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration: %w; `safelight-collector init` writes a first one", err)
	}
	c, err := parseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading configuration %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(data []byte) (Config, error) {
	var c Config
	if err := yaml.Unmarshal([]byte(defaults), &c); err != nil {
		return Config{}, fmt.Errorf("reading the built-in defaults: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, err
	}
	return c, c.check()
}

func (c *Config) check() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return fmt.Errorf("public_url %q: want https://host or https://host:port", c.PublicURL)
	}
	c.PublicURL = "https://" + u.Host
	switch {
	case c.School.Name == "":
		return errors.New("school.name is empty: give the school's name")
	case (c.HTTPS.Cert == "") != (c.HTTPS.Key == ""):
		return errors.New("https: give both cert and key, or neither")
	case c.Listen.Public == "":
		return errors.New("listen.public is empty: everybody may read what Safelight does (the About page), so it cannot be switched off; give host:port or :port")
	}
	if err := c.About.Validate(); err != nil {
		return err
	}
	if c.Store.Postgres.URL != "" {
		if err := store.CheckURL(c.Store.Postgres.URL); err != nil {
			return fmt.Errorf("store.postgres.url: %w", err)
		}
	}
	for name, addr := range map[string]string{"agents": c.Listen.Agents, "console": c.Listen.Console, "public": c.Listen.Public, "metrics": c.Listen.Metrics} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("listen.%s %q: want host:port or :port", name, addr)
		}
	}
	for i, addr := range c.AgentAddresses {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("agent_addresses[%d] %q: want host:port", i, addr)
		}
	}
	if c.Mail.Host == "" {
		return nil
	}
	return c.Mail.Validate()
}

// checkSecrets refuses key and password files that others may read. Those in the
// state folder are checked by pki.CheckKeys.
func (c *Config) checkSecrets() error {
	for name, path := range map[string]string{"https.key": c.HTTPS.Key, "mail.password_file": c.Mail.PasswordFile} {
		if path == "" {
			continue
		}
		if err := pki.CheckSecret(path); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// storeAt is where the store lies: a PostgreSQL database's URL, or a file's path.
func (c *Config) storeAt(dir string) string {
	switch path := c.Store.SQLite.Path; {
	case c.Store.Postgres.URL != "":
		return c.Store.Postgres.URL
	case filepath.IsAbs(path):
		return path
	default:
		return filepath.Join(dir, path)
	}
}

// host is the public URL's.
func (c *Config) host() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// agentAddresses are what tokens carry.
func (c *Config) agentAddresses() []string {
	if len(c.AgentAddresses) > 0 {
		return c.AgentAddresses
	}
	_, port, err := net.SplitHostPort(c.Listen.Agents)
	if err != nil {
		return nil
	}
	return []string{net.JoinHostPort(c.host(), port)}
}

// aboutAddress is where people reach the About page.
func (c *Config) aboutAddress() string {
	if c.About.Address != "" {
		return strings.TrimSuffix(c.About.Address, "/")
	}
	_, port, err := net.SplitHostPort(c.Listen.Public)
	switch {
	case err != nil:
		return ""
	case port == "443":
		return "https://" + c.host()
	}
	return "https://" + net.JoinHostPort(c.host(), port)
}

// certificateNames are what the collector's own certificate carries.
func (c *Config) certificateNames() []string {
	names := []string{c.host()}
	for _, addr := range c.agentAddresses() {
		if h, _, err := net.SplitHostPort(addr); err == nil && h != names[0] {
			names = append(names, h)
		}
	}
	return append(names, c.ServerNames...)
}
