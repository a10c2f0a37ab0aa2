package rules

import (
	"sync"
	"time"

	"safelight/internal/event"
	"safelight/internal/rules/phrases"
)

// Input is one observation and whose it is.
type Input struct {
	Kind event.Kind
	// Text is a host name, a program's name or search words.
	Text string
	Exe  string // a program's path, where known
	// OriginalName, Signer and SHA256 (lower hex) are a program's, where known.
	// A hash costs reading the whole file: NeedsHash says when it could matter.
	OriginalName, Signer, SHA256 string

	// Role is the subject's; an empty or unknown one is judged as a pupil's.
	// Empty also means that the roster does not know the account, so that its
	// groups are not known either.
	Role, Year string
	Groups     []string
	Site       string // the device's; empty: not known
	// Unfiltered says that the site has no filter. It marks the verdict, and
	// changes nothing else: no label on a child hangs on it (S117).
	Unfiltered bool
	Premises   string // "on", "off"; empty: not known
	// Periods are the words of the timetable that hold at At: "lesson",
	// "break", "school-day", "out-of-hours", names of periods. None at all
	// means that the timetable is not known.
	Periods []string
	At      time.Time
	// Exempt lists the categories that a live exemption covers. The caller
	// knows the clock; Judge knows what may be exempted at all (G16).
	Exempt []string
	// Recent are the account's last verdicts, newest last; the caller bounds
	// them. They only ever raise a severity.
	Recent []Seen
	// NoSearches says that search words are not seen on this device, which each
	// finding then says too (G2).
	NoSearches bool
	// Unreviewed also judges by languages that no speaker has reviewed (G6).
	Unreviewed bool
}

// Seen is an earlier verdict of the same account.
type Seen struct {
	Category string
	Rule     string
	At       time.Time
}

// Decision is what comes of an observation.
type Decision string

// The decisions there are.
const (
	Flag   Decision = "flag"   // an event is sent
	Note   Decision = "note"   // a match that the school keeps on the device
	None   Decision = "none"   // nothing
	Safe   Decision = "safe"   // a helpline: never flagged, never logged (G1)
	Exempt Decision = "exempt" // would be flagged, but for a teacher's exemption
)

// Verdict is a decision that explains itself.
type Verdict struct {
	Decision   Decision
	Category   string // id
	Title      string
	Severity   event.Severity
	Rule       string // "self-harm/sh-001", "gambling/bet365.com"
	Pack       string // "starter 3"
	Match      string // what matched, as it stood in Input.Text
	Start, End int    // its bytes in Input.Text
	Why        string // one plain sentence
	NotSeen    []string
	Help       bool // the words also ask for help (G1)

	// ReadAs is what Match was read as, where that differs: "self harm" for
	// "s3lf h4rm". How says by which steps, in words.
	ReadAs string
	How    []string
	// Evidence are other phrases of the category in the same text, which
	// counted towards its threshold.
	Evidence []Evidence
	// List is the id of the list that the name is on; empty for a name in a
	// pack. A device knows lists by hashes alone: the collector looks the name
	// up in the list's text before it tells anybody.
	List       string
	Scope      string // the scope that held, in words; empty without one
	Raised     string // why Severity is above the rule's own, in words
	Unfiltered bool   // the site has no filter
}

// Evidence is a phrase that counted beside the one a verdict names.
type Evidence struct {
	Rule   string
	Match  string // as it stood in Input.Text
	Weight uint32
}

// judging is the room that one observation is judged in. The same one is used
// again and again, so that what nobody flags costs no memory.
type judging struct {
	rs    *Ruleset
	in    Input
	words phrases.Scratch

	text    string   // what is read: search words, or the host cleaned
	hits    []hit    // that stand
	masks   []mask   // by category
	sums    []uint32 // of distinct phrases, by category
	heavy   []hit    // see countOnce
	counted []hit    // of one category, see countOnce
	ordered []hit    // see byStart
	places  []int32  // by byte of the text, see byStart
	first   []int32  // by rule, see onePerRule; all nought between uses
	steps   int      // of work on hits; finding them counts its own
	entries []listed
	started started
	spared  []hit // allow phrases and words that ask for help, in order of place; see layMasks
	// reaching is beside spared, how far those of a category up to each reach; reached,
	// by category and one more, is where among them was looked last.
	reaching []mask
	reached  []int
	listening
	help    bool // words ask for help
	best    finding
	ruled   bool   // a program rule matched
	anyHash bool   // see NeedsHash
	lens    lens   // for Check
	trace   *trace // nil but for Explain
}

// hit is a phrase found in a text, and its rule.
type hit struct {
	phrases.Hit
	rule *Rule
}

// finding is a rule that matched, before it is known which one matters most.
type finding struct {
	rule       *Rule // nil: none
	start, end int
	severity   event.Severity
	decision   Decision
	raise      *Raise // why severity is above the rule's
	host       bool   // a word in a host name
	words      phrases.Hit
	weighed    *weighedSum // of a rule of weighed words
}

var room = sync.Pool{New: func() any { return new(judging) }}

// Judge decides about one observation. Order (G16): helpline sites, what is
// protected (G5), locked categories, exemption, a school's allow, a school's
// rule, a pack's rule; the most specific domain wins among its equals.
func (rs *Ruleset) Judge(in Input) Verdict {
	j := room.Get().(*judging)
	v := j.judge(rs, in, nil)
	j.rs, j.in, j.text, j.best = nil, Input{}, "", finding{} // nothing of a person stays in the room
	room.Put(j)
	return v
}

func (j *judging) judge(rs *Ruleset, in Input, t *trace) Verdict {
	j.rs, j.in, j.trace = rs, in, t
	j.help, j.ruled, j.best, j.text, j.steps = false, false, finding{}, in.Text, 0
	j.listen(nil)
	switch in.Kind {
	case event.Domain:
		return j.judgeHost()
	case event.Search:
		j.eachPhrase(in.Text)
	case event.Process:
		j.eachProgram()
	}
	return j.verdict()
}

func (j *judging) judgeHost() Verdict {
	host, err := cleanHost(j.in.Text)
	switch {
	case err != nil:
		return Verdict{Decision: None}
	case IsHelpline(host):
		return Verdict{Decision: Safe, Why: whySafe}
	case j.rs.isProtected(host):
		return Verdict{Decision: None, Why: whyProtected}
	}
	j.text = host
	j.eachHost(host)
	return j.verdict()
}

func (rs *Ruleset) isProtected(host string) (found bool) {
	parents(host, func(name string) bool {
		_, found = rs.protected[name]
		return !found
	})
	return found
}

// NeedsHash reports whether a program's SHA-256 could change its verdict:
// whether some rule or approved list that would otherwise match wants one.
func (rs *Ruleset) NeedsHash(in Input) bool {
	if in.Kind != event.Process || in.SHA256 != "" || !rs.wantHashes() {
		return false
	}
	without := rs.Judge(in)
	j := &judging{anyHash: true}
	with := j.judge(rs, in, nil)
	return with.Rule != without.Rule || with.Decision != without.Decision || with.Severity != without.Severity
}

// AsksBeyondName reports whether some rule or list names a program by its original
// name, its signer or its hash, which whoever knows only names cannot judge by.
func (rs *Ruleset) AsksBeyondName() bool { return rs.table.beyond }

func (rs *Ruleset) wantHashes() bool {
	return rs.table.hashes
}

func (j *judging) category(r *Rule) *PolicyCategory { return &j.rs.policy.Categories[r.Category] }
