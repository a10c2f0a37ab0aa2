package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheFirstConfigurationIsOneThatWorks(t *testing.T) {
	c, err := parseConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.agentAddresses(); !slices.Equal(got, []string{"localhost:7443"}) {
		t.Errorf("tokens carry %v", got)
	}
}

func TestWhatIsLeftOutKeepsItsDefault(t *testing.T) {
	c, err := parseConfig([]byte("public_url: https://safelight.school.example\n"))
	if err != nil || c.Listen.Agents != ":7443" || c.PublicURL != "https://safelight.school.example" {
		t.Errorf("got %+v, %v", c, err)
	}
	if got := c.agentAddresses(); !slices.Equal(got, []string{"safelight.school.example:7443"}) {
		t.Errorf("tokens carry %v", got)
	}
}

func TestABadConfigurationIsRefusedWithTheMend(t *testing.T) {
	for name, c := range map[string]struct{ yaml, says string }{
		"broken YAML":             {"listen: {agents: ", "line"},
		"unknown key":             {"listne: {}", "listne"},
		"plain HTTP":              {"public_url: http://school.example", "https://"},
		"a path":                  {"public_url: https://school.example/safelight", "https://host"},
		"half a certificate":      {"https: {cert: a.pem}", "both cert and key"},
		"no port":                 {"listen: {agents: localhost}", "listen.agents"},
		"no About page":           {`listen: {public: ""}`, "listen.public is empty"},
		"About page on no port":   {`listen: {public: "localhost"}`, "listen.public"},
		"About page in the clear": {"about: {address: http://about.school.example}", "about.address"},
		"a proxy at no address":   {"about: {behind_proxy: true}", "about.behind_proxy"},
		"no such choice":          {"about: {out_of_hours: never}", "about.out_of_hours"},
		"no school name":          {`school: {name: ""}`, "school.name"},
		"bad agent address":       {"agent_addresses: [school.example]", "agent_addresses[0]"},
		"mail without sender":     {"mail: {host: mail.school.example}", "mail.from"},
		"mail in the clear":       {"mail: {host: mail.school.example, tls: none, from: a@school.example}", "mail.tls"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(configFile(dir), []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadConfig(dir)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v; want %q", err, c.says)
			}
		})
	}
}

func TestInitIsHarmlessToRepeat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collector")
	if err := Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	if err := Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for name, data := range files(t, dir) {
		if strings.Contains(name, "safelight.db") {
			continue // opening a database writes to it
		}
		if before[name] != data {
			t.Errorf("the second init changed %s", name)
		}
	}
}

func TestInitRefusesAFolderThatOthersMayEnter(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Init(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v; want the mend", err)
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("public_url: https://safelight.school.example\nlisten: {agents: \":7443\"}\n"))
	f.Add([]byte("mail: {host: mail.school.example, port: 587, tls: starttls, from: a@school.example}"))
	f.Add([]byte("store: &a {sqlite: {path: x}}\nschool: *a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data)
		if err == nil && (c.School.Name == "" || !strings.HasPrefix(c.PublicURL, "https://")) {
			t.Errorf("took %+v", c)
		}
	})
}

// Keys and passwords that collector.yaml names may lie anywhere.
func TestACollectorWhoseNamedSecretsOthersCanReadDoesNotStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console.pem")
	if err := os.WriteFile(path, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, yaml := range map[string]string{
		"https.key":          fmt.Sprintf("https: {cert: %q, key: %q}\n", path, path),
		"mail.password_file": fmt.Sprintf("mail: {host: mail.example, port: 587, tls: starttls, user: u, password_file: %q, from: a@b.example}\n", path),
	} {
		dir := filepath.Join(t.TempDir(), "school")
		if err := Init(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(configFile(dir), []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Run(t.Context(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "others may read it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
