package weblog

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Entry is what is kept of a log's line: who asked for which host, when, and
// whether it was refused. Path and query are dropped as the line is read (G11).
type Entry struct {
	Time   time.Time
	Host   string // lower-case A-label form, without a final dot
	Client string
	User   string // as logged; empty where the log has "-"
	Denied bool   // asked for and not given
}

// Format is how one kind of log writes its lines.
type Format struct {
	Name  string
	Parse func(line []byte) (Entry, error)
}

// formats are all that are understood. A new one is a file with its Parse and
// a line here.
var formats = []Format{
	{"squid", parseSquid},
	{"combined", parseCombined},
}

var (
	errShape  = errors.New("not a line of this format")
	errNoHost = errors.New("names no host")
)

// Formats lists the names of the formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// FormatNamed finds a format.
func FormatNamed(name string) (Format, error) {
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("log format %q: want one of %s", name, strings.Join(Formats(), ", "))
}
