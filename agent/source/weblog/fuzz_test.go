package weblog

import (
	"fmt"
	"strings"
	"testing"

	"safelight/agent/source/hostname"
)

// fuzzFormat feeds a whole log of one format, so that a header reaches the
// rows below it. Whatever the lines hold, a host comes out that is one, and no
// text is longer than the line it came from.
func fuzzFormat(f *testing.F, name string, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	format, err := FormatNamed(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		parse := format.parser(testOptions())
		for line := range strings.SplitSeq(string(log), "\n") {
			e, err := parse([]byte(line))
			if err != nil {
				continue
			}
			again, ok := hostname.Normalise(e.Host)
			if v6, is := hostname.Normalise("[" + e.Host + "]"); is {
				again, ok = v6, true
			}
			if !ok || again != e.Host || strings.ContainsAny(e.Host, "/?#@ ") {
				t.Errorf("host %q of %q", e.Host, line)
			}
			if len(e.Client) > 3*len(line) || len(e.User) > 3*len(line) {
				t.Errorf("%+v of %q", e, line)
			}
		}
	})
}

const syslogSeed = "<30>1 2026-11-21T23:15:01Z h p 1 - [a k=\"v\\]\"] "

func FuzzSquidLine(f *testing.F) {
	fuzzFormat(f, "squid", line(1), syslogSeed+line(1),
		"1795302901.123 3 192.0.2.7 TCP_DENIED/403 3900 GET http://a@[::1]:80/a?b - HIER_NONE/- text/html",
		"0.0 0 - NONE/000 0 NONE error:transaction-end-before-headers - HIER_NONE/- -")
}

func FuzzCombinedLine(f *testing.F) {
	fuzzFormat(f, "combined", `192.0.2.7 - a%5cb [21/Nov/2026:23:15:01 +0000] "GET http://a.example/x.js HTTP/1.1" 200 1 "http://b.example/" "a \" b" TCP_MISS:HIER_DIRECT`)
}

func FuzzDnsmasqLine(f *testing.F) {
	fuzzFormat(f, "dnsmasq", "Nov 21 23:15:01 dnsmasq[4]: 42 192.0.2.7/5 query[A] a.example from 192.0.2.7\nNov 21 23:15:01 dnsmasq[4]: config a.example is NXDOMAIN", "reply  is ")
}

func FuzzPiholeLine(f *testing.F) {
	fuzzFormat(f, "pihole", "Nov 21 23:15:01 dnsmasq[4]: gravity blocked a.example is 0.0.0.0", "[x] y")
}

func FuzzUnboundLine(f *testing.F) {
	fuzzFormat(f, "unbound", "[1795302901] unbound[4:0] info: 192.0.2.7 a.example. A IN NOERROR 0.1 0 5",
		"[1795302901] unbound[4:0] info: rpz: applied [l] a.example. rpz-nxdomain 192.0.2.7@5 a.example. A IN", "[1] x info: a b 1.1.1.1@ ")
}

func FuzzBindLine(f *testing.F) {
	fuzzFormat(f, "bind", "21-Nov-2026 23:15:01.123 queries: info: client @0x7f 192.0.2.7#53 (a): view v: query: a.example IN A + (x)",
		"client 192.0.2.7#53 (a): rpz QNAME NXDOMAIN rewrite a.example/A/IN via b")
}

func FuzzAdGuardLine(f *testing.F) {
	fuzzFormat(f, "adguard", `{"T":"2026-11-21T23:15:01Z","QH":"a.example","QT":"A","IP":"192.0.2.7","Answer":"AAGBgwAB","Result":{"IsFiltered":true,"Reason":3}}`)
}

func FuzzZeekLog(f *testing.F) {
	fuzzFormat(f, "zeek", zeekHead+"#fields\tts\tid.orig_h\tquery\tqtype_name\tanswers\n1.1\t192.0.2.7\ta.example\tA\t0.0.0.0,::\n",
		`{"ts":1.5,"id.orig_h":"192.0.2.7","host":"a.example","method":"GET","referrer":"http://b.example/","resp_mime_types":["a"]}`, "#separator \\x7c\n#fields|ts|host|method\n1|a|b")
}

func FuzzCSVLog(f *testing.F) {
	fuzzFormat(f, "csv", "time,host,user\n2026-11-21T23:15:01Z,\"a.example\",\"x\"\"y\"\n", "url;ts\nhttp://a/b?c;1", fmt.Sprint("domain\n", strings.Repeat("a.", 200)))
}
