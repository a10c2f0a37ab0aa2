package rules

import (
	"slices"
	"strings"
	"sync"
	"time"

	"safelight/internal/event"
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

// finding is a rule that matched, before it is known which one matters most.
type finding struct {
	source
	cat        *category
	rule       string
	start, end int
	decision   Decision
	host       bool // a word in a host name
}

var scratch = sync.Pool{New: func() any { return new(sentence) }}

// Judge decides about one observation. Order (G16): helpline sites, what is
// protected (G5), locked categories, exemption, a school's allow, a school's
// rule, a pack's rule; the most specific domain wins among its equals.
func (rs *Ruleset) Judge(in Input) Verdict {
	s := scratch.Get().(*sentence)
	defer scratch.Put(s)
	switch in.Kind {
	case event.Domain:
		return rs.judgeHost(s, in)
	case event.Search:
		return rs.judgeWords(s, in)
	case event.Process:
		return rs.judgeProgram(in)
	}
	return Verdict{Decision: None}
}

func (rs *Ruleset) judgeHost(s *sentence, in Input) Verdict {
	host, err := cleanHost(in.Text)
	if err != nil {
		return Verdict{Decision: None}
	}
	if IsHelpline(host) {
		return Verdict{Decision: Safe, Why: whySafe}
	}
	if rs.isProtected(host) {
		return Verdict{Decision: None, Why: whyProtected}
	}
	best := pick{in: in}
	rs.eachHost(s, host, best.offer)
	return best.verdict(false)
}

func (rs *Ruleset) judgeWords(s *sentence, in Input) Verdict {
	best := pick{in: in}
	help := rs.eachPhrase(s, in.Text, best.offer)
	return best.verdict(help)
}

func (rs *Ruleset) judgeProgram(in Input) Verdict {
	best := pick{in: in}
	rs.eachProgram(in, best.offer)
	return best.verdict(false)
}

func (rs *Ruleset) isProtected(host string) (found bool) {
	parents(host, func(name string) bool {
		_, found = rs.protected[name]
		return !found
	})
	return found
}

// listed is a domain rule that stands for a host, and how specific it is.
type listed struct {
	domainEntry
	length int
}

// eachHost offers the domain rules that stand for host, then words in its name
// for categories that have no rule on the domain itself.
func (rs *Ruleset) eachHost(s *sentence, host string, offer func(finding)) {
	var room [16]listed // more are rare, and then cost an allocation
	entries := room[:0]
	parents(host, func(name string) bool {
		for _, e := range rs.domains[name] {
			entries = append(entries, listed{e, len(name)})
		}
		return true
	})
	for i, e := range entries {
		if e.allow || rs.outdone(entries, i) {
			continue
		}
		cat := rs.cats[e.cat]
		start := len(host) - e.length
		offer(finding{source: e.source, cat: cat, rule: cat.ID + "/" + host[start:], start: start, end: len(host), decision: Flag})
	}
	rs.eachHostWord(s, host, entries, offer)
}

// outdone reports whether another entry of the same category stands above
// entry i: a school's above a pack's, then the more specific, then an allow.
// A locked category never has a school's allow: compile refuses it.
func (rs *Ruleset) outdone(entries []listed, i int) bool {
	e := entries[i]
	for j, o := range entries {
		if j == i || o.cat != e.cat {
			continue
		}
		switch {
		case o.tier != e.tier:
			if o.tier > e.tier {
				return true
			}
		case o.length != e.length:
			if o.length > e.length {
				return true
			}
		case o.allow:
			return true
		}
	}
	return false
}

// eachHostWord looks for phrases marked `in: [host]` among whole words of the
// name, its last label left out. That is a weak sign, so it is only a note.
func (rs *Ruleset) eachHostWord(s *sentence, host string, entries []listed, offer func(finding)) {
	rs.words.plain(s, host)
	last := strings.LastIndexByte(host, '.')
	rs.standing(s)
	for _, h := range s.hits {
		ruled := slices.ContainsFunc(entries, func(e listed) bool { return e.cat == h.cat })
		if !h.host || ruled || h.end > last || strings.IndexByte(host[h.start:h.end], '.') >= 0 {
			continue
		}
		f := rs.finding(h)
		f.decision, f.host = Note, true
		offer(f)
	}
}

func (rs *Ruleset) finding(h hit) finding {
	cat := rs.cats[h.cat]
	r := cat.rules[h.rule]
	return finding{source: r.source, cat: cat, rule: r.id, start: h.start, end: h.end, decision: Flag}
}

// eachPhrase offers the phrases found in search words, and reports whether
// words beside them ask for help.
func (rs *Ruleset) eachPhrase(s *sentence, text string, offer func(finding)) (help bool) {
	rs.words.search(s, text)
	help = rs.standing(s)
	for _, h := range s.hits {
		if h.text {
			offer(rs.finding(h))
		}
	}
	return help
}

// eachProgram offers the programs that match a name or the file of a path: an
// operating system may give the one cut short and the other not at all.
func (rs *Ruleset) eachProgram(in Input, offer func(finding)) {
	path := foldPath(in.Exe)
	if path == "" {
		path = foldPath(in.Text)
	}
	name, file := programName(in.Text), programName(in.Exe)
	rs.eachNamed(name, path, in, offer)
	if file != name && file != "" {
		rs.eachNamed(file, path, in, offer)
	}
}

func (rs *Ruleset) eachNamed(name, path string, in Input, offer func(finding)) {
	for _, e := range rs.programs[name] {
		if e.path != "" && !glob(e.path, path) {
			continue
		}
		cat := rs.cats[e.cat]
		offer(finding{source: e.source, cat: cat, rule: cat.ID + "/program/" + e.name, end: len(in.Text), decision: Flag})
	}
}
