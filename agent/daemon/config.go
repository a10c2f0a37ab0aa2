package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"safelight/agent/source/weblog"
)

// Config is agent.yaml.
type Config struct {
	Network Switch   `yaml:"network"`
	Process Switch   `yaml:"process"`
	Browser Switch   `yaml:"browser"`
	Weblog  []Weblog `yaml:"weblog"`
}

// Switch turns a source on.
type Switch struct {
	Enabled bool `yaml:"enabled"`
}

// Weblog is a log file to follow.
type Weblog struct {
	Format string `yaml:"format"`
	Path   string `yaml:"path"`
}

// DefaultConfig is what a device without an agent.yaml does.
var DefaultConfig = Config{Network: Switch{true}, Process: Switch{true}}

// ReadConfig reads agent.yaml under dir.
func ReadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "agent.yaml")
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
	known := weblog.Formats()
	seen := map[string]bool{}
	for i, w := range c.Weblog {
		switch {
		case !contains(known, w.Format):
			return Config{}, fmt.Errorf("weblog[%d]: format %q: want one of %v", i, w.Format, known)
		case !filepath.IsAbs(w.Path):
			return Config{}, fmt.Errorf("weblog[%d]: path %q: want an absolute path", i, w.Path)
		case seen[w.Path]:
			return Config{}, fmt.Errorf("weblog[%d]: path %q is followed already", i, w.Path)
		}
		seen[w.Path] = true
	}
	return c, nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
