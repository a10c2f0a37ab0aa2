package bundle

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// The files of a version, by the names that its manifest gives them.
const (
	PolicyFile  = "policy.pb"
	TableFile   = "rules.tbl"
	PhrasesFile = "phrases.tbl"
	HostsFile   = "hosts.tbl"
	NamesFile   = "names.tbl"
	WeighedFile = "weighed.tbl"
	// OverlayFile is what changed in the lists since NamesFile was built.
	OverlayFile = "names.overlay"
)

// MaxPolicy is how many bytes a PolicyFile has at most. It is decoded into memory,
// several times its size, and a weak laptop must have room for it; the tables beside
// it are read where they lie.
const MaxPolicy = 16 << 20

// format is the version of CompiledRules.
const format = 1

// Is says whether a manifest of these files holds compiled rules. One without
// PolicyFile holds YAML, as collectors signed it up to rule engine 2.
func Is(has func(file string) bool) bool { return has(PolicyFile) }

// Known says whether a file has a place in compiled rules.
func Known(file string) bool {
	return file == PolicyFile || file == TableFile || file == PhrasesFile || file == HostsFile || file == NamesFile || file == WeighedFile || file == OverlayFile
}

// Policy reads a PolicyFile.
func Policy(raw []byte) (*rules.Policy, error) {
	if err := fits(raw); err != nil {
		return nil, fmt.Errorf("reading %s: %w", PolicyFile, err)
	}
	msg := &safelightv1.CompiledRules{}
	if err := proto.Unmarshal(raw, msg); err != nil {
		return nil, fmt.Errorf("reading %s: %w", PolicyFile, err)
	}
	if msg.GetFormat() != format {
		return nil, fmt.Errorf("reading %s: it is of format %d, this program knows %d; update it, or publish the rules again", PolicyFile, msg.GetFormat(), format)
	}
	if err := known(msg.ProtoReflect()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", PolicyFile, err)
	}
	p, err := decodePolicy(msg)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", PolicyFile, err)
	}
	return p, nil
}

func fits(policy []byte) error {
	if len(policy) > MaxPolicy {
		return fmt.Errorf("it has %d MB, at most %d: leave rules out, or put names into lists", len(policy)>>20, MaxPolicy>>20)
	}
	return nil
}
