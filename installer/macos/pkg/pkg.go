package pkg

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Package is what goes into a .pkg.
type Package struct {
	Identifier string // the receipt's name, in reverse-domain form
	Version    string
	Content    []File // as it lies from "/" on
	Scripts    []File // preinstall and postinstall, and what they need beside them
	Made       time.Time
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9]+([.-][A-Za-z0-9]+)+$`)
	version    = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~-]*$`)
)

// Bytes writes the package.
func (p Package) Bytes() ([]byte, error) {
	if !identifier.MatchString(p.Identifier) || !version.MatchString(p.Version) {
		return nil, fmt.Errorf("identifier %q, version %q: want such as org.example.agent and 1.2.0", p.Identifier, p.Version)
	}
	for _, files := range [][]File{p.Content, p.Scripts} {
		if err := check(files); err != nil {
			return nil, err
		}
	}
	mtime := p.Made.Unix()
	payload, err := archive(p.Content, mtime)
	if err != nil {
		return nil, err
	}
	scripts, err := archive(p.Scripts, mtime)
	if err != nil {
		return nil, err
	}
	info, err := p.info()
	if err != nil {
		return nil, err
	}
	return xar([]entry{
		{"PackageInfo", info}, {"Bom", billOf(p.Content, mtime)}, {"Payload", payload}, {"Scripts", scripts},
	}, p.Made)
}

// packageInfo tells the Installer what to do. Permissions of folders that are
// there already stay as they are; nothing is looked for elsewhere on the disk.
type packageInfo struct {
	XMLName     xml.Name `xml:"pkg-info"`
	Format      int      `xml:"format-version,attr"`
	Identifier  string   `xml:"identifier,attr"`
	Version     string   `xml:"version,attr"`
	Location    string   `xml:"install-location,attr"`
	Auth        string   `xml:"auth,attr"`
	Overwrite   bool     `xml:"overwrite-permissions,attr"`
	Relocatable bool     `xml:"relocatable,attr"`
	Payload     struct {
		Files     int `xml:"numberOfFiles,attr"`
		Kilobytes int `xml:"installKBytes,attr"`
	} `xml:"payload"`
	Scripts struct {
		Pre  *script `xml:"preinstall"`
		Post *script `xml:"postinstall"`
	} `xml:"scripts"`
}

type script struct {
	File string `xml:"file,attr"`
}

func (p Package) info() ([]byte, error) {
	i := packageInfo{Format: 2, Identifier: p.Identifier, Version: p.Version, Location: "/", Auth: "root"}
	i.Payload.Files = len(p.Content)
	for _, f := range p.Content {
		i.Payload.Kilobytes += (len(f.Data) + 1023) / 1024
	}
	named := func(name string) *script {
		if slices.ContainsFunc(p.Scripts, func(f File) bool { return f.Path == name && f.Mode&0o100 != 0 }) {
			return &script{name}
		}
		return nil
	}
	i.Scripts.Pre, i.Scripts.Post = named("./preinstall"), named("./postinstall")
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(i); err != nil {
		return nil, fmt.Errorf("writing PackageInfo: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
