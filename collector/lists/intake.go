package lists

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/net/publicsuffix"

	"safelight/collector/model"
	"safelight/internal/rules"
)

// Reason is why a line, or a name in it, was left out.
type Reason = string

// The reasons there are.
const (
	NotHost    Reason = "not a host name"
	Address    Reason = "an address, not a name"
	OneLabel   Reason = "a name of one label"
	Shared     Reason = "a name that holds everybody's sites"
	Helpline   Reason = "a helpline"
	Protected  Reason = "protected: nothing may flag it"
	TooLong    Reason = "a line of over 4096 bytes"
	NoAddress  Reason = "no address and name"
	Cosmetic   Reason = "about parts of pages"
	Page       Reason = "about single pages"
	Options    Reason = "holds under conditions"
	Pattern    Reason = "a pattern, not a site"
	Exception  Reason = "an exception: its name was taken out"
	Trigger    Reason = "about addresses or name servers"
	Include    Reason = "an instruction to a name server"
	Broken     Reason = "cannot be read"
	NoColumn   Reason = "too few columns"
	shownLines        = 3
)

// Skipped counts what was left out for one reason.
type Skipped = model.ListSkipped

// Summary says what came of reading a list.
type Summary = model.ListSummary

// maxExceptions bounds what exceptions cost; lists have some thousands.
const maxExceptions = 200_000

// intake cleans what finders find and keeps count.
type intake struct {
	summary   Summary
	limits    Limits
	protected func(host string) bool // nil: nothing but what is built in
	keep      func(key []byte) error // takes a name by its key, see keyOf
	excepted  map[string]bool        // by key
	kept      int64
	key       []byte
	err       error // the first that ends the reading
}

func newIntake(limits Limits, protected func(string) bool, keep func(key []byte) error) *intake {
	if protected == nil {
		protected = func(string) bool { return false }
	}
	return &intake{limits: limits, protected: protected, keep: keep, excepted: map[string]bool{}}
}

func (in *intake) fail(format string, args ...any) {
	if in.err == nil {
		in.err = fmt.Errorf(format, args...)
	}
}

// skip notes that the present line, or something in it, is left out.
func (in *intake) skip(why Reason) {
	for i := range in.summary.Skipped {
		if s := &in.summary.Skipped[i]; s.Reason == why {
			if s.Count++; len(s.Lines) < shownLines && s.Lines[len(s.Lines)-1] != in.summary.Lines {
				s.Lines = append(s.Lines, in.summary.Lines)
			}
			return
		}
	}
	in.summary.Skipped = append(in.summary.Skipped, Skipped{Reason: why, Count: 1, Lines: []int64{in.summary.Lines}})
}

// name takes in a name as a list writes it.
func (in *intake) name(text []byte) {
	name, why := in.clean(text)
	if why != "" {
		in.skip(why)
		return
	}
	if in.kept++; in.kept > in.limits.Names {
		in.fail("it holds over %d names: it is not taken", in.limits.Names)
		return
	}
	in.key = appendKey(in.key[:0], name)
	if err := in.keep(in.key); err != nil && in.err == nil {
		in.err = err
	}
}

// except takes a name, and those beneath it, out of the list.
func (in *intake) except(text []byte) {
	name, why := in.clean(text)
	if why != "" {
		in.skip(why)
		return
	}
	in.skip(Exception)
	if len(in.excepted) >= maxExceptions {
		in.fail("it holds over %d exceptions: it is not taken", maxExceptions)
		return
	}
	in.excepted[string(appendKey(in.key[:0], name))] = true
}

// isExcepted says whether the list itself takes a key out again.
func (in *intake) isExcepted(key []byte) bool {
	if len(in.excepted) == 0 {
		return false
	}
	found := false
	eachParent(key, func(parent []byte) bool {
		found = in.excepted[string(parent)]
		return !found
	})
	return found
}

// clean brings a name into the form in which devices look names up, or says why
// it cannot be on a list.
func (in *intake) clean(text []byte) (string, Reason) {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("*")), ".")
	name, err := rules.CleanHost(string(text))
	switch {
	case err != nil:
		return "", NotHost
	case rules.IsAddress(name):
		return "", Address
	case strings.IndexByte(name, '.') < 0:
		return "", OneLabel
	case isShared(name):
		return "", Shared
	case rules.IsHelpline(name):
		return "", Helpline
	case in.protected(name):
		return "", Protected
	}
	return name, ""
}

// isShared says whether strangers register names under a name: by our own list,
// and by the public suffix list (publicsuffix.org), whose rules for whole
// registries and for hosts of sites both count.
func isShared(name string) bool {
	if rules.IsShared(name) {
		return true
	}
	suffix, _ := publicsuffix.PublicSuffix(name)
	return suffix == name
}
