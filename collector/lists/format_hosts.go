package lists

import "bytes"

// hosts is the system's own table (hosts(5)), of which only names sent nowhere
// are of use:
//
//	0.0.0.0 example.org www.example.org   # a comment
//	::1     localhost
//
// Names of one label (localhost, broadcasthost) fall out with all others.
type hosts struct{}

func (hosts) line(text []byte, out *intake) {
	fields := bytes.Fields(beforeComment(text, "#"))
	if len(fields) == 0 {
		return
	}
	if !startsAsAddress(fields[0]) || len(fields) == 1 {
		out.skip(NoAddress)
		return
	}
	for _, name := range fields[1:] {
		out.name(name)
	}
}

// startsAsAddress tells an address, which has a colon or ends in a digit, from a
// name.
func startsAsAddress(field []byte) bool {
	last := field[len(field)-1]
	return bytes.IndexByte(field, ':') >= 0 || last >= '0' && last <= '9'
}
