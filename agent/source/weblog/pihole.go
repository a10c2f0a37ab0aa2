package weblog

import (
	"bytes"
	"time"
)

// parsePihole reads pihole.log, which Pi-hole's dnsmasq writes with what its
// own lists decided:
//
//	Nov 21 23:15:01 dnsmasq[412]: query[A] blocked.example from 192.0.2.7
//	Nov 21 23:15:01 dnsmasq[412]: gravity blocked blocked.example is 0.0.0.0
//	Nov 21 23:15:01 dnsmasq[412]: regex denied other.example is NXDOMAIN
//	Nov 21 23:15:01 dnsmasq[412]: Rate-limiting 192.0.2.9 is REFUSED
//
// and steps over what FTL notes about itself.
func parsePihole(line []byte) (Entry, error) {
	e, err := parseDnsmasq(line)
	if note, is := bytes.CutPrefix(line, []byte("[")); err != nil && is { // [2026-11-21 23:15:01.123 412M] ...
		if day, _ := field(note); len(day) == len(time.DateOnly) && day[4] == '-' && day[7] == '-' {
			return Entry{}, errNothing
		}
	}
	return e, err
}
