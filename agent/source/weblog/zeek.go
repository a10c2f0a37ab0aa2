package weblog

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"safelight/internal/event"
)

// newZeek reads Zeek's dns.log, ssl.log and http.log, as tab-separated text,
// whose columns a header names, or as JSON:
//
//	#separator \x09
//	#path	dns
//	#fields	ts	uid	id.orig_h	id.orig_p	id.resp_h	id.resp_p	proto	...	query	...	qtype_name	...	rcode_name	...	answers
//	1795302901.123456	CHhAvV	192.0.2.7	53124	192.0.2.53	53	udp	...	www.example.org	...	A	...	NOERROR	...	198.51.100.4
//
//	{"ts":1795302901.123456,"id.orig_h":"192.0.2.7","server_name":"www.example.org","established":true}
//
// What a line is of is told by the fields it has. The path and query of
// http.log stand in `uri`, which is never looked at.
func newZeek(o Options) Parser {
	z := &zeek{zone: o.Zone, separator: []byte("\t")}
	return z.parse
}

type zeek struct {
	zone      *time.Location
	separator []byte
	columns   map[string]int // of the fields below; nil before the header
}

// record is the fields that are looked at, as text; "" where unset.
type record struct {
	TS          jsonText `json:"ts"`
	Client      string   `json:"id.orig_h"`
	Query       string   `json:"query"`
	QType       string   `json:"qtype_name"`
	RCode       string   `json:"rcode_name"`
	Answers     jsonText `json:"answers"`
	ServerName  string   `json:"server_name"`
	Established jsonText `json:"established"`
	Method      string   `json:"method"`
	Host        string   `json:"host"`
	User        string   `json:"username"`
	Referrer    string   `json:"referrer"`
	Types       jsonText `json:"resp_mime_types"`
}

// jsonText keeps a number, truth value or list as it is written.
type jsonText string

// UnmarshalJSON takes any value.
func (t *jsonText) UnmarshalJSON(b []byte) error {
	if s, err := strconv.Unquote(string(b)); err == nil {
		b = []byte(s)
	}
	*t = jsonText(b)
	return nil
}

func (z *zeek) parse(line []byte) (Entry, error) {
	switch {
	case len(line) > 0 && line[0] == '{':
		var r record
		if json.Unmarshal(line, &r) != nil || r.TS == "" {
			return Entry{}, errShape
		}
		return z.entry(r)
	case len(line) > 0 && line[0] == '#':
		z.header(line)
		return Entry{}, errHeader
	case z.columns == nil:
		return Entry{}, errShape
	}
	return z.entry(z.row(line))
}

// header reads "#separator" and "#fields".
func (z *zeek) header(line []byte) {
	if code, ok := bytes.CutPrefix(line, []byte(`#separator \x`)); ok {
		if c, err := strconv.ParseUint(string(bytes.TrimSpace(code)), 16, 8); err == nil {
			z.separator = []byte{byte(c)}
		}
		return
	}
	names := bytes.Split(line, z.separator)
	if string(names[0]) != "#fields" {
		return
	}
	z.columns = make(map[string]int, len(names))
	for i, name := range names[1:] {
		z.columns[string(name)] = i
	}
}

func (z *zeek) row(line []byte) record {
	values := bytes.Split(line, z.separator)
	get := func(name string) string {
		i, ok := z.columns[name]
		if !ok || i >= len(values) || string(values[i]) == "(empty)" {
			return ""
		}
		return orEmpty(values[i])
	}
	return record{
		TS: jsonText(get("ts")), Client: get("id.orig_h"),
		Query: get("query"), QType: get("qtype_name"), RCode: get("rcode_name"), Answers: jsonText(get("answers")),
		ServerName: get("server_name"), Established: jsonText(get("established")),
		Method: get("method"), Host: get("host"), User: get("username"), Referrer: get("referrer"), Types: jsonText(get("resp_mime_types")),
	}
}

func (z *zeek) entry(r record) (Entry, error) {
	e := Entry{Client: r.Client, User: r.User}
	var ok bool
	if e.Time, ok = unixTime(string(r.TS)); !ok {
		if e.Time, ok = isoTime(string(r.TS), time.UTC); !ok {
			return Entry{}, errShape
		}
	}
	var err error
	switch {
	case r.Query != "":
		if !asksForSite(r.QType) {
			return Entry{}, errNothing
		}
		e.Of = event.ViaDNS
		e.Denied = r.RCode == "NXDOMAIN" || r.RCode == "REFUSED" || leadsNowhere(string(r.Answers))
		e.Host, err = dnsName(r.Query)
	case r.ServerName != "":
		e.Of = event.ViaTLS
		e.Denied = r.Established == "F" || r.Established == "false"
		e.Host, err = dnsName(r.ServerName)
	case r.Host != "" && r.Method != "":
		e.Of = event.ViaHTTP
		if e.Host, err = authority([]byte(r.Host)); err == nil {
			e.ThirdParty = otherSite(e.Host, []byte(r.Referrer)) && !aPage(string(r.Types))
		}
	default:
		return Entry{}, errNothing // a connection without a name
	}
	return e, err
}

// leadsNowhere looks at a list of answers, `a,b` or `["a","b"]`.
func leadsNowhere(answers string) bool {
	if answers == "" {
		return false
	}
	for a := range strings.SplitSeq(strings.Trim(answers, "[]"), ",") {
		if !nowhere(strings.Trim(a, ` "`)) {
			return false
		}
	}
	return true
}

// aPage says that an answer may have been a page, which people open: what is
// not known may be one.
func aPage(types string) bool { return types == "" || strings.Contains(types, "text/html") }
