package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"safelight/internal/licence"
)

// program is what a bill of materials is of.
type program struct {
	name, which, version string // "safelight-agent", "agent", "1.2.0"
	when                 time.Time
}

// built are the folders that the programs which ship are built from.
var built = map[string]string{"agent": "safelight/agent", "collector": "safelight/collector", "browser-policies": "safelight/installer/policies/merge"}

var errNotOurs = errors.New("it was built from something else")

// places are where texts of licences lie.
type places struct {
	tree, cache string // Safelight's source; the module cache
	standard    string // the standard library's
}

// bill reads a program's file and writes its bill of materials.
func (p program) bill(file string, at places) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading what it was built from: %w", err)
	}
	if info.Path != built[p.which] {
		return nil, fmt.Errorf("%w: from %q, want %q", errNotOurs, info.Path, built[p.which])
	}
	parts, err := components(info, at, p.which)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	whole := component{
		BOMRef: p.name, Type: "application", Name: p.name, Version: p.version,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Licences: choices([]string{"Apache-2.0"}),
	}
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.5.schema.json", BOMFormat: "CycloneDX", SpecVersion: "1.5", Version: 1,
		SerialNumber: serial(sum), Components: parts,
		Metadata: metadata{Component: whole, Properties: settings(info)},
	}
	if !p.when.IsZero() {
		b.Metadata.Timestamp = p.when.Format(time.RFC3339)
	}
	all := dependency{Ref: whole.BOMRef}
	for _, c := range parts {
		all.DependsOn = append(all.DependsOn, c.BOMRef)
	}
	b.Dependencies = []dependency{all}
	text, err := json.MarshalIndent(b, "", "  ")
	return append(text, '\n'), err
}

// components are the standard library, each module and each thing that is no
// module, in that order.
func components(info *debug.BuildInfo, at places, which string) ([]component, error) {
	version := strings.TrimPrefix(info.GoVersion, "go")
	std, err := licence.Of("the standard library", at.standard)
	if err != nil {
		return nil, err
	}
	all := []component{{BOMRef: purl("std", version), Type: "library", Name: "std", Version: version, Licences: choices(std.Kinds), PURL: purl("std", version)}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		w, err := licence.OfModule(at.cache, m.Path, m.Version)
		if err != nil {
			return nil, err
		}
		ref := purl(m.Path, m.Version)
		all = append(all, component{BOMRef: ref, Type: "library", Name: m.Path, Version: m.Version, Licences: choices(w.Kinds), PURL: ref})
	}
	for _, e := range licence.Extras {
		if !slices.Contains(e.Programs, which) {
			continue
		}
		w, err := licence.Of(e.What, filepath.Join(at.tree, filepath.FromSlash(e.Text)))
		if err != nil {
			return nil, err
		}
		all = append(all, component{BOMRef: e.Name, Type: "library", Name: e.Name, Version: e.Version, Licences: choices(w.Kinds)})
	}
	return all, nil
}

func choices(kinds []string) []choice {
	var all []choice
	for _, k := range kinds {
		all = append(all, choice{licenceID{k}})
	}
	return all
}

// purl is a module's package URL (github.com/package-url/purl-spec, type golang,
// which is written small).
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// settings are what decides what a program links.
func settings(info *debug.BuildInfo) []property {
	all := []property{{"safelight:go", info.GoVersion}}
	for _, s := range info.Settings {
		if slices.Contains([]string{"GOOS", "GOARCH", "CGO_ENABLED", "-tags"}, s.Key) {
			all = append(all, property{"safelight:build:" + strings.TrimPrefix(s.Key, "-"), s.Value})
		}
	}
	return all
}

// serial is a UUID of version 8 (RFC 9562, section 5.8) made of the program's
// hash, so that the same program has the same.
func serial(sum [sha256.Size]byte) string {
	u := append([]byte(nil), sum[:16]...)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
