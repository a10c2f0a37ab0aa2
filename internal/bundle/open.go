package bundle

import (
	"errors"
	"fmt"

	"safelight/internal/rules"
	"safelight/internal/rules/names"
)

// Encode makes the files of a version, by name. Rules without lists have no
// NamesFile, those without weighed words no WeighedFile.
func Encode(set *rules.Ruleset) (map[string][]byte, error) {
	return EncodeParts(set.Policy(), set.Tables(), nil)
}

// EncodeParts is Encode for rules whose names stand in another version's table
// and in an overlay.
func EncodeParts(p *rules.Policy, t rules.Tables, overlay []byte) (map[string][]byte, error) {
	policy, err := encodePolicy(p)
	if err == nil {
		err = fits(policy)
	}
	if err == nil && len(p.Rules) > 0 {
		t.Rules, err = rules.MakeTable(p)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding compiled rules: %w", err)
	}
	files := map[string][]byte{PolicyFile: policy, TableFile: t.Rules, PhrasesFile: t.Phrases}
	if len(t.Hosts) > 0 {
		files[HostsFile] = t.Hosts
	}
	if len(t.Weighed) > 0 {
		files[WeighedFile] = t.Weighed
	}
	if len(t.Names) > 0 {
		files[NamesFile] = t.Names
	}
	if len(overlay) > 0 {
		files[OverlayFile] = overlay
	}
	return files, nil
}

// Open makes rules of a version's files. The tables are read where they lie for
// as long as the rules are used, and must not change; the rest is copied.
func Open(files map[string][]byte) (*rules.Ruleset, error) {
	for name := range files {
		if !Known(name) {
			return nil, fmt.Errorf("opening compiled rules: file %q has no place among them; update this program, or publish the rules again", name)
		}
	}
	for _, name := range []string{PolicyFile, PhrasesFile} {
		if files[name] == nil {
			return nil, fmt.Errorf("opening compiled rules: %s is missing; publish the rules again", name)
		}
	}
	p, err := Policy(files[PolicyFile])
	if err != nil {
		return nil, fmt.Errorf("opening compiled rules: %w", err)
	}
	if files[TableFile] == nil && len(p.Rules) == 0 {
		return nil, fmt.Errorf("opening compiled rules: %s is missing; publish the rules again", TableFile)
	}
	var overlays []*names.Overlay
	if raw := files[OverlayFile]; raw != nil {
		if files[NamesFile] == nil {
			return nil, errors.New("opening compiled rules: names.overlay changes a table that is not there; publish the rules again")
		}
		o, err := names.OpenOverlay(raw)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", OverlayFile, err)
		}
		overlays = append(overlays, o)
	}
	set, err := rules.Open(p, rules.Tables{Rules: files[TableFile], Phrases: files[PhrasesFile], Hosts: files[HostsFile], Names: files[NamesFile], Weighed: files[WeighedFile]}, overlays...)
	if err != nil {
		return nil, fmt.Errorf("opening compiled rules: %w", err)
	}
	return set, nil
}
