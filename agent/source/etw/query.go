package etw

import (
	"fmt"
	"net/netip"
	"strings"
)

// Query is a name that a program asked the system's resolver for, or what became
// of it.
type Query struct {
	Name string // as the program wrote it
	Type uint16 // as DNS numbers them: 1 is A, 28 AAAA, 65 HTTPS
	// Completed says that this is the end of the question; what follows is then set.
	Completed bool
	// Status is a Windows error code, 0 where something was found.
	Status  uint32
	Answers []netip.Addr
}

// Windows' codes for what DNS servers answer (winerror.h): 9000 and the server's
// code, of which NXDOMAIN is 3 and REFUSED 5; and for a name that exists and has
// no record of the type asked for.
const (
	statusServer = 9000
	statusNone   = 9501
	maxCode      = 15
)

// RCode is what a server said of the question, as DNS has it (RFC 1035, 4.1.1; 3
// is NXDOMAIN). It is false where none said anything: time ran out, the program
// asked for something odd, or the question was handed on.
func (q *Query) RCode() (uint8, bool) {
	switch s := q.Status; {
	case s == 0, s == statusNone:
		return 0, true
	case s > statusServer && s <= statusServer+maxCode:
		return uint8(s - statusServer), true
	}
	return 0, false
}

// IsQuery says whether the event is a question or its end.
func (e *Event) IsQuery() bool {
	return e.Provider == DNSClient && (e.ID == queryAsked || e.ID == queryCompleted)
}

// Query reads a question or its end.
func (e *Event) Query() (Query, error) {
	if !e.IsQuery() {
		return Query{}, errOther
	}
	q := Query{Completed: e.ID == queryCompleted}
	wanted := []string{"QueryName", "QueryType"}
	if q.Completed {
		wanted = append(wanted, "QueryStatus", "QueryResults")
	}
	err := e.fields(wanted, func(name string, v value) {
		switch name {
		case "QueryName":
			q.Name = v.text()
		case "QueryType":
			q.Type = uint16(min(v.uint(), 1<<16-1))
		case "QueryStatus":
			q.Status = uint32(v.uint())
		case "QueryResults":
			q.Answers = answers(v.text())
		}
	})
	if err != nil {
		return Query{}, fmt.Errorf("reading a question to the resolver: %w", err)
	}
	return q, nil
}

// maxAnswers bounds what one question can make others do.
const maxAnswers = 64

// answers reads the addresses out of what the event says was found. IPv4 stands
// there as IPv6, and records that are no addresses with the number of their type:
//
//	type:  5 edge.example.net;::ffff:192.0.2.7;2001:db8::7;
func answers(results string) []netip.Addr {
	var all []netip.Addr
	for one := range strings.SplitSeq(results, ";") {
		one = strings.TrimSpace(one)
		if one == "" || strings.HasPrefix(one, "type:") {
			continue
		}
		if a, err := netip.ParseAddr(one); err == nil && len(all) < maxAnswers {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	return all
}
