package lists

import (
	"bytes"
	"strings"
)

// rpz is a response policy zone in a name server's own text (RFC 1035 section 5,
// draft-vixie-dnsop-dns-rpz):
//
//	$ORIGIN rpz.example.
//	@ SOA ns.example. admin.example. ( 1 3600 600 86400 60 )
//	example.org      CNAME .               no such name
//	*.example.org    CNAME .               nor beneath it
//	good.example.org CNAME rpz-passthru.   but this one
//	8.0.0.0.10.rpz-ip CNAME .              an address: left out
//
// Names are those that devices ask for, without the zone's own.
type rpz struct {
	origin string // without its dots, lower case
	depth  int    // of parentheses, in which a record goes on over lines
}

func (z *rpz) line(text []byte, out *intake) {
	text = beforeSemicolon(text)
	inside := z.depth > 0
	z.depth = max(0, z.depth+bytes.Count(text, []byte("("))-bytes.Count(text, []byte(")")))
	fields := bytes.Fields(text)
	switch {
	case len(fields) == 0 || inside:
		return
	case fields[0][0] == '$':
		z.directive(fields, out)
	case text[0] == ' ' || text[0] == '\t': // another record of the same name
		return
	default:
		z.record(fields, out)
	}
}

func (z *rpz) directive(fields [][]byte, out *intake) {
	switch strings.ToUpper(string(fields[0])) {
	case "$ORIGIN":
		if len(fields) > 1 {
			z.origin = strings.ToLower(strings.Trim(string(fields[1]), "."))
		}
	case "$TTL":
	default: // $INCLUDE, $GENERATE
		out.skip(Include)
	}
}

func (z *rpz) record(fields [][]byte, out *intake) {
	data := fields[1:]
	for len(data) > 0 && (isTTL(data[0]) || bytes.EqualFold(data[0], []byte("IN"))) {
		data = data[1:]
	}
	if len(data) == 0 {
		out.skip(Broken)
		return
	}
	kind := strings.ToUpper(string(data[0]))
	if name, absolute := strings.CutSuffix(string(fields[0]), "."); kind == "SOA" && absolute && z.origin == "" {
		z.origin = strings.ToLower(name)
	}
	owner := z.owner(string(fields[0]))
	switch {
	case owner == "" || kind == "SOA" || kind == "NS": // the zone about itself
		return
	case isOtherTrigger(owner):
		out.skip(Trigger)
	case kind == "CNAME" && len(data) > 1 && bytes.EqualFold(bytes.TrimSuffix(data[1], []byte(".")), []byte("rpz-passthru")):
		out.except([]byte(owner))
	default:
		out.name([]byte(owner))
	}
}

// owner is a record's name without the zone's; empty for the zone itself.
func (z *rpz) owner(name string) string {
	if name == "@" {
		return ""
	}
	bare, absolute := strings.CutSuffix(name, ".")
	if absolute && z.origin != "" {
		low := strings.ToLower(bare)
		if low == z.origin {
			return ""
		}
		if strings.HasSuffix(low, "."+z.origin) {
			return bare[:len(bare)-len(z.origin)-1]
		}
	}
	return bare
}

// isOtherTrigger says whether a record is about addresses or name servers.
func isOtherTrigger(owner string) bool {
	i := strings.LastIndexByte(owner, '.')
	switch strings.ToLower(owner[i+1:]) {
	case "rpz-ip", "rpz-nsip", "rpz-nsdname", "rpz-client-ip":
		return true
	}
	return false
}

func isTTL(field []byte) bool { return field[0] >= '0' && field[0] <= '9' }

// beforeSemicolon cuts a comment. Quoted text is in no record that matters here.
func beforeSemicolon(text []byte) []byte {
	if i := bytes.IndexByte(text, ';'); i >= 0 {
		return text[:i]
	}
	return text
}
