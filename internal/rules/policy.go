package rules

import (
	"time"

	"safelight/internal/event"
)

// Policy is a compiled set of rules as plain data: with its Tables it is all
// that Judge needs. internal/bundle writes and reads it; nobody else looks
// inside. Indexes are into its own slices; a policy from outside is checked by
// Open before anything trusts them.
//
// The large things are not in it, or need not be: Rules, Domains and Programs are
// in Tables.Rules too, and a policy that a device opened has them only there.
// Phrases are in Tables.Phrases, whose entries carry an index into Rules
// (Phrase.Ref). Names of lists are in Tables.Names,
// whose entries carry an index into Sets.
type Policy struct {
	Engine     uint32 // what it needs; see Engine
	Packs      []Pack
	Categories []PolicyCategory
	Scopes     []Scope // Scopes[0] is the empty one, which everybody is in
	Rules      []Rule

	// Names written in the packs themselves: each stands for a rule of kind
	// RuleDomain or RuleAllowDomain. A name may stand for several.
	Domains []NamedRule
	// Sets say of which lists a name of the names table is: indexes of rules of
	// kind RuleList. Sets[i] is what a names.Entry with Set i means.
	Sets [][]uint32
	// Lists are the subscriptions and files of names; Rule is the RuleList.
	Lists []ListSource

	Programs   []PolicyProgram
	Raises     []Raise
	Lookalikes []NamedRule // the protected name, and the rule of kind RuleLookalike

	Protected []string // sites that nothing may flag (G5)
	Marks     []MarkedName
	Addresses []MarkedAddress
}

// PolicyCategory is a category with what judges.
type PolicyCategory struct {
	Category
	// Actions has one for each role, in the order of Roles().
	Actions []Action
	// Threshold is what the weights of distinct phrases in one text must reach.
	Threshold uint32
}

// Action is what a category's finding becomes for a role.
type Action uint8

// The actions there are, least first.
const (
	ActionNone Action = iota
	ActionNote
	ActionAlert
)

// String gives the action as packs write it.
func (a Action) String() string { return actionWords[min(int(a), len(actionWords)-1)] }

// RuleKind says what a rule looks at.
type RuleKind uint8

// The kinds of rule there are. The zero kind is none of them.
const (
	RulePhrase      RuleKind = iota + 1
	RuleAllowPhrase          // masks its own span (G1)
	RuleHelp                 // built-in words that ask for help; of no category
	RuleDomain               // a name in a pack, and what is beneath it
	RuleAllowDomain
	RuleList      // the names of a list
	RuleLookalike // names drawn like a protected one
	RuleProgram
	RuleApproved // programs on no rule and not on this list (S25)
	RuleWeighed  // words that count together: of these, the n-th is sum n of Tables.Weighed
	// RuleCounterweight is no rule of a policy: in an Outline, it is a weighed word
	// that speaks against.
	RuleCounterweight
)

// Tier orders rules by who wrote them; a school's stand above a pack's.
type Tier uint8

// The tiers there are.
const (
	TierPack Tier = iota
	TierSchool
)

// Rule is one rule: a phrase with its forms, a domain, a list, a program.
type Rule struct {
	Kind     RuleKind
	ID       string // "self-harm/sh-001", "gambling/bet365.com", "pornography/list/ut1-adult"
	Category int32  // index into Policy.Categories; -1 for RuleHelp
	Pack     string // "starter 3"
	Tier     Tier
	Severity event.Severity
	// Weight is a phrase's, of which 100 flags alone under the default threshold; of
	// weighed words it is what is enough beside words that ask for help.
	Weight   uint32
	Lang     string // BCP 47; of phrases
	Reviewed bool   // a phrase whose language no speaker has reviewed is off (G6)
	Scope    uint32 // index into Policy.Scopes
	// Where a phrase looks: search words, whole words of a host name.
	Search, Host bool
	// Where it is written, for explanations.
	File string
	Line int

	number uint32 // its index, of one that a Ruleset gave
}

// Scope says of whom, where and when the rules of a file hold. Every one that
// is not empty must hold; within one, any. What is not known of the subject
// holds where the subject may be a pupil: a child is not missed for want of a
// roster. For an allow nothing unknown holds.
type Scope struct {
	Roles    []string
	Years    []string // "7"; key stages are written out as their years
	Groups   []string
	Sites    []string
	When     []string // words of the timetable: "lesson", "out-of-hours", a period's name
	Premises string   // "", "on" or "off"
}

// NamedRule is a host name and the rule it stands for.
type NamedRule struct {
	Name string // A-labels, lower case
	Rule uint32 // index into Policy.Rules
}

// ListSource is a list of names that a category takes from a file of a pack or
// by subscription. Nothing here fetches it.
type ListSource struct {
	ID       string
	Rule     uint32 // index into Policy.Rules
	Category string // id
	Severity event.Severity
	Pack     string // "our-school 7"
	URL      string // of a subscription; empty for a file
	File     string // path in the packs; empty for a subscription
	Format   string // domains, hosts, adblock, rpz, squidguard or csv
	Member   string // file within an archive: "adult/domains"
	Licence  string
	From     string // who makes it
	// Guards: a new edition that is smaller or larger than the last good one
	// by more than this many per cent is not taken.
	MaxShrink, MaxGrow uint32
	Refresh            time.Duration
	At                 string // file:line of the subscription, for problems
}

// NameList yields the names of a list, in A-labels and lower case, until yield
// says no. It is an iter.Seq[string].
type NameList = func(yield func(name string) bool)

// PolicyProgram is a program as a rule or an approved list names it. Its fields
// that are not empty must all match.
type PolicyProgram struct {
	Rule uint32 // of kind RuleProgram or RuleApproved
	// Name and OriginalName as programName folds them: "tor".
	Name, OriginalName string
	Path               string // folded glob
	Signer             string // lower case
	SHA256             string // lower hex
}

// Raise makes a category's finding graver where the account's last verdicts
// were of a kind. It never makes one lighter.
type Raise struct {
	Category int32
	// Repeats counts findings of the category itself, this one too; With is
	// another category that was found. One of the two is set; With is -1 where
	// Repeats is.
	Repeats uint32
	With    int32
	Within  time.Duration
	To      event.Severity
	Scope   uint32
	File    string
	Line    int
}

// MarkedName is a name and what is known of it beside any category.
type MarkedName struct {
	Name string
	Mark Mark
}

// MarkedAddress is an address and what is known of it.
type MarkedAddress struct {
	Address string // as netip.Addr writes it
	Mark    Mark
}

// Tables are the large parts of compiled rules: flat bytes that are read where
// they lie, in little-endian order, so that a file can be mapped and used.
type Tables struct {
	Rules   []byte // Policy's Rules, Domains and Programs
	Phrases []byte // of internal/rules/phrases
	Hosts   []byte // likewise, of those that are looked for in host names; empty: Phrases serves
	Names   []byte // of internal/rules/names; empty without lists
	Weighed []byte // of internal/rules/weighed; empty without such words
}
