package weblog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"safelight/internal/event"
)

// Entry is what is kept of a log's line: who asked for which host, when, and
// whether it was refused. Path and query are dropped as the line is read (G11).
type Entry struct {
	Time   time.Time // zero where the line has none
	Host   string    // lower-case A-label form, without a final dot
	Client string
	User   string // as logged; empty where the log has "-"
	Denied bool   // asked for and not given
	// Of says what the log tells of: ViaDNS, ViaTLS or ViaHTTP; empty is a
	// proxy's requests.
	Of event.Via
	// ThirdParty says that the line itself shows a part of another site's page.
	ThirdParty bool
	stage      stage
	serial     string // joins a question to its answers; empty where the log has none
}

// stage tells a question's line from its answer's, where a log has both.
type stage uint8

const (
	whole    stage = iota // the line is all there is
	question              // an answer may follow on a line of its own
	answer                // of the question with the same host; Client may be empty
	leads                 // as an answer, to another name: the answer proper follows
)

// Parser reads one line. It may remember a header that stood above it; one
// Parser reads one file, from one goroutine.
type Parser func(line []byte) (Entry, error)

// Options are what a format may need to know beyond the line.
type Options struct {
	// Zone is of times without one; nil is the system's.
	Zone *time.Location
	// Now finds the year of dates without one; nil is time.Now.
	Now func() time.Time
	// Columns maps the columns of a CSV file: time, host, client, user and
	// action, each to the name that its header has for it.
	Columns map[string]string
	// Denied are the words of a CSV file's action that mean a refusal; nil is
	// the usual ones.
	Denied []string
}

func (o Options) withDefaults() Options {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Format is how one kind of log writes its lines.
type Format struct {
	Name  string
	Alias []string // what people also call it
	New   func(Options) Parser
	// Answers says that a question's answer may have a line of its own, which
	// alone says whether it was refused.
	Answers bool
	// Alone says that an answer may be all that is logged of a question, and
	// names who asked and for what.
	Alone bool
	// own takes the program's line out of syslog's envelope where the line alone
	// would not show whose it is: out of all that follows the time, or of what the
	// envelope is thought to hold. nil takes the latter.
	own func(after, body []byte) ([]byte, bool)
}

// formats are all that are understood. A new one is a file with its parser and
// a line here. Where two read the same line, the first is taken.
var formats = []Format{
	{Name: "squid", Alias: []string{"squid-native"}, New: stateless(parseSquid)},
	{Name: "combined", Alias: []string{"squid-combined"}, New: stateless(parseCombined)},
	{Name: "dnsmasq", New: stateless(parseDnsmasq), Answers: true},
	{Name: "pihole", Alias: []string{"pi-hole", "ftl"}, New: stateless(parsePihole), Answers: true},
	{Name: "unbound", New: stateless(parseUnbound), Answers: true, Alone: true, own: unboundOwn},
	{Name: "bind", Alias: []string{"bind9", "named"}, New: newBind, Answers: true, Alone: true},
	{Name: "adguard", Alias: []string{"adguardhome", "adguard-home"}, New: stateless(parseAdGuard)},
	{Name: "zeek", Alias: []string{"zeek-dns", "zeek-ssl", "zeek-http", "zeek-json", "bro"}, New: newZeek},
	{Name: "csv", New: newCSV},
}

func (f Format) pairs() pairs { return pairs{answers: f.Answers, alone: f.Alone} }

func stateless(parse Parser) func(Options) Parser { return func(Options) Parser { return parse } }

var (
	errShape  = errors.New("not a line of this format")
	errNoHost = errors.New("names no host")
	// errNothing is of a line that belongs to the format and tells of no visit:
	// a comment, a lease, a question for a mail server.
	errNothing = errors.New("tells of no visit")
	// errHeader is of a line that says how those below it are to be read.
	errHeader = errors.New("a header")
	// errColumns is of a CSV file whose header names no host.
	errColumns = errors.New("the header names no column with the host; say which it is under columns: {host: ...}")
)

// Formats lists the names of the formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// FormatNamed finds a format by its name or another that people call it.
func FormatNamed(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name || slices.Contains(f.Alias, name) {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("log format %q: want one of %s", name, strings.Join(Formats(), ", "))
}

// parser makes a Parser that takes syslog's envelope off first, where there is
// one. The envelope's time stands in for a time that the line itself lacks.
func (f Format) parser(o Options) Parser {
	o = o.withDefaults()
	parse := f.New(o)
	return func(line []byte) (Entry, error) {
		after, body, at, ok := unwrap(line, o)
		if !ok {
			return parse(line)
		}
		if f.own != nil {
			if body, ok = f.own(after, body); !ok {
				return Entry{}, errShape
			}
		}
		e, err := parse(body)
		if e.Time.IsZero() {
			e.Time = at
		}
		return e, err
	}
}
