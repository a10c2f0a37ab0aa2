package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The words of the verbs that people read on a device; programs read --json.

// moment writes a time as somebody says it, with the year: what is printed is pasted
// into tickets.
func moment(t time.Time) string { return t.Local().Format("2 January 2006, 15:04") }

// span writes a length of time in the one unit that matters.
func span(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 90*time.Minute:
		return count(int(d.Round(time.Minute)/time.Minute), "minute")
	case d < 36*time.Hour:
		return count(int(d.Round(time.Hour)/time.Hour), "hour")
	}
	return count(int(d.Round(24*time.Hour)/(24*time.Hour)), "day")
}

// hidingWords say what hides names, as the collector's pages do.
var hidingWords = map[string]string{
	"encrypted_dns": "encrypted DNS (DNS over HTTPS)",
	"own_resolver":  "a browser that looks names up by itself",
	"web_proxy":     "a web proxy that browsers ask for sites",
	"dot":           "encrypted DNS (DNS over TLS)",
	"doq":           "encrypted DNS (DNS over QUIC)",
	"ech":           "Encrypted Client Hello",
	"quic_unknown":  "QUIC of a kind that is not known",
	"vpn":           "a VPN service",
	"wireguard":     "a WireGuard tunnel",
	"openvpn":       "an OpenVPN tunnel",
	"ike":           "an IPsec tunnel",
	"proxy":         "a proxy service",
}

// hiddenLine counts the connections whose names nobody can see.
func hiddenLine(hidden map[string]uint64) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(hidden)) {
		times := "once"
		if n := hidden[what]; n != 1 {
			times = fmt.Sprintf("%d times", n)
		}
		all = append(all, cmp.Or(hidingWords[what], strings.ReplaceAll(what, "_", " "))+" "+times)
	}
	return strings.Join(all, ", ")
}
