package weblog

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// newCSV reads lines of values under a header, as firewalls and filters export
// them, separated by commas, semicolons or tabs:
//
//	time,client_ip,user,host,action
//	2026-11-21T23:15:01Z,192.0.2.7,pupil07,www.example.org,allowed
//
// The columns are found by the names that the header commonly gives them, or
// by those that the configuration says. A host may be a whole URL, of which
// the rest is dropped.
func newCSV(o Options) Parser {
	c := &csvFile{options: o}
	return c.parse
}

// The columns that are looked at, in the order of csvFile.at.
const (
	csvTime = iota
	csvHost
	csvClient
	csvUser
	csvAction
	csvColumns
)

var csvRoles = [csvColumns]string{"time", "host", "client", "user", "action"}

// Columns are what Options.Columns may name.
var Columns = csvRoles[:]

// csvNames are what headers call the columns, lower-case, with one underscore
// for anything that is no letter.
var csvNames = [csvColumns][]string{
	{"time", "timestamp", "date_time", "datetime", "time_stamp", "date", "event_time", "ts"},
	{"host", "domain", "hostname", "host_name", "server_name", "site", "url", "uri", "destination", "destination_host", "query", "qname"},
	{"client", "client_ip", "source_ip", "src_ip", "src", "source", "ip", "ip_address", "client_address"},
	{"user", "username", "user_name", "account", "login", "identity"},
	{"action", "verdict", "status", "result", "decision", "disposition"},
}

var csvDenied = []string{"deny", "denied", "block", "blocked", "drop", "dropped", "reject", "rejected", "forbidden"}

type csvFile struct {
	options   Options
	separator byte
	at        [csvColumns]int // -1 where there is none
	fields    []string
	state     error // nil once the header is read
	head      []byte
}

func (c *csvFile) parse(line []byte) (Entry, error) {
	if c.head == nil {
		c.head = bytes.Clone(line)
		c.state = c.header(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
		if c.state != nil {
			return Entry{}, c.state
		}
	}
	if bytes.Equal(line, c.head) { // the next file begins with it too
		return Entry{}, errHeader
	}
	if c.state != nil {
		return Entry{}, c.state
	}
	c.fields = splitValues(line, c.separator, c.fields[:0])
	defer clear(c.fields) // a URL is not kept longer than its line (G11)
	e := Entry{Client: c.value(csvClient), User: c.value(csvUser), Denied: c.refuses(c.value(csvAction))}
	if c.at[csvTime] >= 0 {
		var ok bool
		if e.Time, ok = csvTimeOf(c.value(csvTime), c.options.Zone); !ok {
			return Entry{}, errShape
		}
	}
	host := []byte(c.value(csvHost))
	if _, after, ok := bytes.Cut(host, []byte("://")); ok {
		host = after
	}
	var err error
	e.Host, err = authority(host)
	return e, err
}

// header finds the columns.
func (c *csvFile) header(line []byte) error {
	c.separator = ','
	for _, s := range []byte(";\t") {
		if bytes.IndexByte(line, s) >= 0 && bytes.IndexByte(line, ',') < 0 {
			c.separator = s
		}
	}
	names := splitValues(line, c.separator, nil)
	for i, name := range names {
		names[i] = headerName(name)
	}
	for role := range c.at {
		c.at[role] = -1
		want := csvNames[role]
		if said := c.options.Columns[csvRoles[role]]; said != "" {
			want = []string{headerName(said)}
		}
		for _, name := range want {
			if i := slices.Index(names, name); i >= 0 {
				c.at[role] = i
				break
			}
		}
	}
	if c.at[csvHost] < 0 || bytes.HasPrefix(line, []byte("{")) { // JSON has commas and names, too
		return errColumns
	}
	return nil
}

func headerName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}

func (c *csvFile) value(role int) string {
	i := c.at[role]
	if i < 0 || i >= len(c.fields) || c.fields[i] == "-" {
		return ""
	}
	return c.fields[i]
}

func (c *csvFile) refuses(action string) bool {
	words := c.options.Denied
	if words == nil {
		words = csvDenied
	}
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, strings.TrimSpace(action)) })
}

// splitValues cuts a line of RFC 4180's form; a value may stand in quotes, a
// quote in it twice.
func splitValues(line []byte, separator byte, into []string) []string {
	for {
		line = bytes.TrimLeft(line, " ")
		if len(line) == 0 || line[0] != '"' {
			end := bytes.IndexByte(line, separator)
			if end < 0 {
				return append(into, string(bytes.TrimSpace(line)))
			}
			into = append(into, string(bytes.TrimSpace(line[:end])))
			line = line[end+1:]
			continue
		}
		value, rest := quotedValue(line[1:])
		into = append(into, value)
		end := bytes.IndexByte(rest, separator)
		if end < 0 {
			return into
		}
		line = rest[end+1:]
	}
}

func quotedValue(line []byte) (string, []byte) {
	var value []byte
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return string(append(value, line...)), nil
		}
		value = append(value, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return string(value), line
		}
		value, line = append(value, '"'), line[1:]
	}
}

// csvTimeOf reads ISO 8601, seconds or milliseconds since 1970, or a date as
// it is written in Britain, the day before the month.
func csvTimeOf(value string, zone *time.Location) (time.Time, bool) {
	if at, ok := isoTime(value, zone); ok {
		return at, true
	}
	if at, ok := unixTime(value); ok && len(value) < 12 || ok && strings.IndexByte(value, '.') >= 0 {
		return at, true
	}
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil && ms > 1e11 && ms < 1e14 {
		return time.UnixMilli(ms).UTC(), true
	}
	for _, layout := range []string{"02/01/2006 15:04:05", "02/01/2006 15:04", "02-Jan-2006 15:04:05"} {
		if at, err := time.ParseInLocation(layout, value, zone); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
