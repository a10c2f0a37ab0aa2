package weblog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/internal/event"
)

// at is when the lines below were written.
var at = time.Date(2026, 11, 21, 23, 15, 1, 0, time.UTC)

func testOptions() Options {
	return Options{Zone: time.UTC, Now: func() time.Time { return at.Add(time.Hour) }}
}

// brief is an observation as the tables below write it.
func brief(o event.Observation) string {
	parts := []string{o.Name}
	for _, p := range []struct{ key, value string }{{"client", o.Client}, {"user", o.User}, {"of", string(o.LogOf)}} {
		if p.value != "" {
			parts = append(parts, p.key+"="+p.value)
		}
	}
	if o.Attempt {
		parts = append(parts, "attempt")
	}
	if o.ThirdParty {
		parts = append(parts, "third-party")
	}
	return strings.Join(parts, " ")
}

// reads reads a log and compares what it tells; whole logs, because an answer
// belongs to a question above it and a row to its header.
func reads(t *testing.T, format, log string, unparsed uint64, want ...string) {
	t.Helper()
	var got []string
	sum, err := ReadAll(format, strings.NewReader(log), testOptions(), func(o event.Observation) error {
		got = append(got, brief(o))
		if o.Kind != event.Domain || o.Via != event.ViaLog {
			t.Errorf("told %+v", o)
		}
		if o.Logged.Truncate(time.Second) != at {
			t.Errorf("%s: logged at %v, want the second %v", o.Name, o.Logged, at)
		}
		return nil
	})
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); err != nil || g != w || sum.Unparsed != unparsed {
		t.Errorf("told\n%s\n%+v, %v; want\n%s\nand %d not understood", g, sum, err, w, unparsed)
	}
}

func TestDnsmasqLines(t *testing.T) {
	reads(t, "dnsmasq", `
Nov 21 23:15:01 dnsmasq[412]: started, version 2.90 cachesize 150
Nov 21 23:15:01 dnsmasq[412]: query[A] WWW.example.org from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: forwarded www.example.org to 192.0.2.53
Nov 21 23:15:01 dnsmasq[412]: reply www.example.org is <CNAME>
Nov 21 23:15:01 dnsmasq[412]: reply web.example.net is 198.51.100.4
Nov 21 23:15:01 dnsmasq[412]: reply www.example.org is 198.51.100.4
Nov 21 23:15:01 dnsmasq[412]: query[A] nosuch.example from 192.0.2.8
Nov 21 23:15:01 dnsmasq[412]: query[PTR] 7.2.0.192.in-addr.arpa from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: query[AAAA] sunk.example from 2001:db8::7
Nov 21 23:15:01 dnsmasq[412]: config sunk.example is ::
Nov 21 23:15:01 dnsmasq[412]: reply nosuch.example is NXDOMAIN
Nov 21 23:15:01 dnsmasq[412]: query[type=65] unanswered.example from 192.0.2.9
what is this
`, 1, "www.example.org client=192.0.2.7 of=dns", "nosuch.example client=192.0.2.8 of=dns attempt",
		"sunk.example client=2001:db8::7 of=dns attempt", "unanswered.example client=192.0.2.9 of=dns")
}

// With log-queries=extra an answer names its client, so two who ask for the
// same name are told apart.
func TestDnsmasqExtraLines(t *testing.T) {
	reads(t, "dnsmasq", `
Nov 21 23:15:01 gw dnsmasq[412]: 41 192.0.2.7/53124 query[A] a.example from 192.0.2.7
Nov 21 23:15:01 gw dnsmasq[412]: 42 192.0.2.8/40124 query[A] a.example from 192.0.2.8
Nov 21 23:15:01 gw dnsmasq[412]: 42 192.0.2.8/40124 config a.example is NXDOMAIN
Nov 21 23:15:01 gw dnsmasq[412]: 41 192.0.2.7/53124 reply a.example is 198.51.100.4
`, 0, "a.example client=192.0.2.7 of=dns", "a.example client=192.0.2.8 of=dns attempt")
}

func TestPiholeLines(t *testing.T) {
	reads(t, "pihole", `
Nov 21 23:15:01 dnsmasq[412]: query[A] ads.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: gravity blocked ads.example is 0.0.0.0
Nov 21 23:15:01 dnsmasq[412]: query[AAAA] games.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: exactly denied games.example is ::
Nov 21 23:15:01 dnsmasq[412]: query[A] old.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: regex blacklisted old.example is 0.0.0.0
Nov 21 23:15:01 dnsmasq[412]: query[HTTPS] svc.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: gravity blocked svc.example is NODATA
Nov 21 23:15:01 dnsmasq[412]: query[A] deep.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: reply deep.example is blocked during CNAME inspection
Nov 21 23:15:01 dnsmasq[412]: query[A] fine.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: cached fine.example is 198.51.100.4
[2026-11-21 23:15:01.123 412M] INFO: gravity database opened
`, 0, "ads.example client=192.0.2.7 of=dns attempt", "games.example client=192.0.2.7 of=dns attempt",
		"old.example client=192.0.2.7 of=dns attempt", "svc.example client=192.0.2.7 of=dns attempt",
		"deep.example client=192.0.2.7 of=dns attempt", "fine.example client=192.0.2.7 of=dns")
}

func TestUnboundLines(t *testing.T) {
	stamp := fmt.Sprintf("[%d] unbound[412:0]", at.Unix())
	log := strings.ReplaceAll(`
S notice: init module 0: validator
S info: 192.0.2.7 www.example.org. A IN
S info: 192.0.2.7 www.example.org. A IN NOERROR 0.021345 0 58
S info: 192.0.2.7 nosuch.example. A IN
S info: 192.0.2.8 fine.example. AAAA IN
S info: 192.0.2.8 fine.example. AAAA IN NOERROR 0.000000 1 58
S info: 192.0.2.7 nosuch.example. A IN NXDOMAIN 0.021345 0 112
S info: blocked.example. always_nxdomain 192.0.2.7@53124 www.blocked.example. A IN
S info: rpz: applied [list] listed.example. rpz-nxdomain 192.0.2.9@53124 listed.example. A IN
S info: intranet.example. transparent 192.0.2.7@53124 intranet.example. A IN
S info: 192.0.2.7 example.org. MX IN
Nov 21 23:15:01 gw unbound[412]: [412:0] info: 192.0.2.7 syslog.example. A IN NOERROR 0.1 0 58
Nov 21 23:15:01 unbound[412:0] info: 192.0.2.7 ascii.example. A IN NOERROR 0.1 0 58
2026-11-21T23:15:01.123+00:00 unbound[412:0] reply: 192.0.2.7 tagged.example. A IN REFUSED 0.1 0 58
`, "S ", stamp+" ")
	reads(t, "unbound", log, 0, "www.example.org client=192.0.2.7 of=dns",
		"nosuch.example client=192.0.2.7 of=dns attempt", "fine.example client=192.0.2.8 of=dns",
		"www.blocked.example client=192.0.2.7 of=dns attempt", "listed.example client=192.0.2.9 of=dns attempt",
		"intranet.example client=192.0.2.7 of=dns", "syslog.example client=192.0.2.7 of=dns",
		"ascii.example client=192.0.2.7 of=dns", "tagged.example client=192.0.2.7 of=dns attempt")
}

func TestBindLines(t *testing.T) {
	reads(t, "bind", `
21-Nov-2026 23:15:01.123 queries: info: client @0x7f3c10 192.0.2.7#53124 (www.example.org): query: www.example.org IN A +E(0)K (192.0.2.53)
21-Nov-2026 23:15:01.124 client 192.0.2.8#53124 (old.example): view inside: query: old.example IN AAAA + (192.0.2.53)
2026-11-21T23:15:01.125Z queries: info: client @0x7f3c10 2001:db8::7#53124 (iso.example): query: iso.example IN HTTPS + (192.0.2.53)
Nov 21 23:15:01 gw named[412]: client @0x7f3c10 192.0.2.7#53124 (syslog.example): query: syslog.example IN A +E(0) (192.0.2.53)
21-Nov-2026 23:15:01.126 queries: info: client @0x7f3c10 192.0.2.7#53124 (mail.example): query: mail.example IN MX + (192.0.2.53)
21-Nov-2026 23:15:01.127 rpz: info: client @0x7f3c10 192.0.2.7#53124 (blocked.example): rpz QNAME NXDOMAIN rewrite blocked.example/A/IN via blocked.example.rpz.school
21-Nov-2026 23:15:01.128 queries: info: client @0x7f3c10 192.0.2.7#53125 (again.example): query: again.example IN A + (192.0.2.53)
21-Nov-2026 23:15:01.129 rpz: info: client @0x7f3c10 192.0.2.7#53125 (again.example): rpz QNAME Local-Data rewrite again.example/A/IN via again.example.rpz.school
21-Nov-2026 23:15:01.130 general: info: running
nonsense
`, 1, "www.example.org client=192.0.2.7 of=dns", "old.example client=192.0.2.8 of=dns", "iso.example client=2001:db8::7 of=dns",
		"syslog.example client=192.0.2.7 of=dns", "blocked.example client=192.0.2.7 of=dns attempt", "again.example client=192.0.2.7 of=dns attempt")
}

func TestAdGuardLines(t *testing.T) {
	reads(t, "adguard", `
{"T":"2026-11-21T23:15:01.123456789Z","QH":"www.example.org","QT":"A","QC":"IN","CP":"","Upstream":"192.0.2.53:53","Answer":"AAGBgAAB","IP":"192.0.2.7","Result":{},"Elapsed":1234567}
{"T":"2026-11-22T00:15:01.5+01:00","QH":"blocked.example","QT":"A","QC":"IN","CP":"doh","Answer":"AAGBgAAB","IP":"192.0.2.7","Result":{"IsFiltered":true,"Reason":3,"Rules":[{"Text":"||blocked.example^","FilterListID":1}]}}
{"T":"2026-11-21T23:15:01Z","QH":"search.example","QT":"AAAA","QC":"IN","Answer":"AAGBgAAB","IP":"2001:db8::7","Result":{"IsFiltered":true,"Reason":7}}
{"T":"2026-11-21T23:15:01Z","QH":"nosuch.example","QT":"A","QC":"IN","Answer":"AAGBgwAB","IP":"192.0.2.7","Result":{}}
{"T":"2026-11-21T23:15:01Z","QH":"example.org","QT":"TXT","QC":"IN","IP":"192.0.2.7","Result":{}}
{"T":"2026-11-21T23:15:01Z","QH":
`, 1, "www.example.org client=192.0.2.7 of=dns", "blocked.example client=192.0.2.7 of=dns attempt",
		"search.example client=2001:db8::7 of=dns", "nosuch.example client=192.0.2.7 of=dns attempt")
}

const zeekHead = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"

func TestZeekTables(t *testing.T) {
	ts := fmt.Sprintf("%d.123456", at.Unix())
	log := zeekHead + "#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tquery\tqtype_name\trcode_name\tanswers\n" +
		"TS\tC1\t192.0.2.7\t53124\twww.example.org\tA\tNOERROR\tweb.example.net,198.51.100.4\n" +
		"TS\tC2\t192.0.2.7\t53124\tnosuch.example\tA\tNXDOMAIN\t-\n" +
		"TS\tC3\t192.0.2.7\t53124\tsunk.example\tA\tNOERROR\t0.0.0.0\n" +
		"TS\tC4\t192.0.2.7\t53124\texample.org\tMX\tNOERROR\t-\n" +
		"#close\t2026-11-21-23-59-59\n" + // the next hour's file, with other columns
		zeekHead + "#path\tssl\n#fields\tts\tuid\tid.orig_h\tserver_name\testablished\n" +
		"TS\tC5\t192.0.2.8\ttls.example\tT\nTS\tC6\t192.0.2.8\trefused.example\tF\nTS\tC7\t192.0.2.8\t-\tT\n" +
		zeekHead + "#path\thttp\n#fields\tts\tid.orig_h\tmethod\thost\turi\treferrer\tusername\tresp_mime_types\n" +
		"TS\t192.0.2.9\tGET\tplain.example:8080\t/secret?q=secret\t-\tpupil07\ttext/html\n" +
		"TS\t192.0.2.9\tGET\tcdn.example\t/x.js\thttp://plain.example/\t-\tapplication/javascript\n" +
		"TS\t192.0.2.9\tGET\tnext.example\t/\thttp://plain.example/\t-\ttext/html\n" +
		"TS\t192.0.2.9\tGET\tmedia.plain.example\t/p.png\thttp://www.plain.example/\t-\timage/png\n"
	reads(t, "zeek", strings.ReplaceAll(log, "TS", ts), 0,
		"www.example.org client=192.0.2.7 of=dns", "nosuch.example client=192.0.2.7 of=dns attempt", "sunk.example client=192.0.2.7 of=dns attempt",
		"tls.example client=192.0.2.8 of=tls", "refused.example client=192.0.2.8 of=tls attempt",
		"plain.example client=192.0.2.9 user=pupil07 of=http", "cdn.example client=192.0.2.9 of=http third-party",
		"next.example client=192.0.2.9 of=http", "media.plain.example client=192.0.2.9 of=http")
	reads(t, "zeek", "1795302901.1\tC1\t192.0.2.7\twww.example.org\n", 1) // no header above it
}

func TestZeekJSON(t *testing.T) {
	log := strings.ReplaceAll(`
{"ts":TS,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":53124,"query":"www.example.org","qtype":1,"qtype_name":"A","rcode_name":"NOERROR","answers":["198.51.100.4"]}
{"ts":"2026-11-21T23:15:01.123456Z","id.orig_h":"192.0.2.7","query":"sunk.example","qtype_name":"AAAA","rcode_name":"NOERROR","answers":["::"]}
{"ts":TS,"id.orig_h":"192.0.2.8","version":"TLSv13","server_name":"tls.example","established":true}
{"ts":TS,"id.orig_h":"192.0.2.8","server_name":"refused.example","established":false}
{"ts":TS,"id.orig_h":"192.0.2.9","method":"GET","host":"plain.example","uri":"/secret","username":"pupil07","resp_mime_types":["text/html"]}
{"ts":TS,"id.orig_h":"192.0.2.9","id.resp_h":"198.51.100.4","proto":"tcp"}
{"level":"info"}
`, "TS", fmt.Sprintf("%d.123456", at.Unix()))
	reads(t, "zeek", log, 1, "www.example.org client=192.0.2.7 of=dns", "sunk.example client=192.0.2.7 of=dns attempt",
		"tls.example client=192.0.2.8 of=tls", "refused.example client=192.0.2.8 of=tls attempt", "plain.example client=192.0.2.9 user=pupil07 of=http")
}

func TestCSVWithAHeader(t *testing.T) {
	reads(t, "csv", "\xef\xbb\xbf"+`"Date Time",Client IP,User Name,URL,Category,Action
2026-11-21T23:15:01Z,192.0.2.7,pupil07,https://www.example.org/secret?q=secret,"News, weather",Allowed
2026-11-21 23:15:01,192.0.2.7,"SCHOOL\pupil07",blocked.example:443,Games,BLOCKED
21/11/2026 23:15:01,192.0.2.7,-,"http://user@quoted.example/a,b",x,allowed
1795302901,192.0.2.7,,seconds.example,x,
1795302901123,192.0.2.7,,millis.example,x,deny
yesterday,192.0.2.7,,when.example,x,deny
2026-11-21T23:15:01Z,192.0.2.7,,,x,deny
`, 2, "www.example.org client=192.0.2.7 user=pupil07", `blocked.example client=192.0.2.7 user=SCHOOL\pupil07 attempt`,
		"quoted.example client=192.0.2.7", "seconds.example client=192.0.2.7", "millis.example client=192.0.2.7 attempt")
	reads(t, "csv", "ts;src;qname\n2026-11-21T23:15:01Z;192.0.2.7;semi.example\nts;src;qname\n2026-11-21T23:15:01Z;192.0.2.8;next.example\n", 0,
		"semi.example client=192.0.2.7", "next.example client=192.0.2.8")
}

func TestCSVColumnsAsTheSchoolNamesThem(t *testing.T) {
	o := testOptions()
	o.Columns = map[string]string{"host": "Ziel", "user": "Wer", "time": "Wann", "action": "Urteil"}
	o.Denied = []string{"nein"}
	text := "Wann\tWer\tZiel\tUrteil\n2026-11-21T23:15:01Z\tpupil07\twww.example.org\tNEIN\n"
	var got []string
	_, err := ReadAll("csv", strings.NewReader(text), o, func(o event.Observation) error { got = append(got, brief(o)); return nil })
	if err != nil || len(got) != 1 || got[0] != "www.example.org user=pupil07 attempt" {
		t.Errorf("told %q, %v", got, err)
	}
	_, err = ReadAll("csv", strings.NewReader("a,b,c\n1,2,3\n"), testOptions(), nil)
	if !errors.Is(err, errColumns) || !strings.Contains(err.Error(), "columns:") {
		t.Errorf("a header without a host: %v; want the mend", err)
	}
}

func TestSquidOwnCombined(t *testing.T) {
	reads(t, "combined", `
192.0.2.7 - SCHOOL%5cpupil07 [21/Nov/2026:23:15:01 +0000] "CONNECT www.example.org:443 HTTP/1.1" 200 5120 "-" "agent" TCP_TUNNEL:HIER_DIRECT
192.0.2.7 pupil08 - [21/Nov/2026:23:15:01 +0000] "GET http://a.example/ HTTP/1.1" 403 5120 "-" "say \"hi\"" TCP_MISS:HIER_DIRECT
192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://b.example/ HTTP/1.1" 403 5120 "-" "agent" TCP_DENIED:HIER_NONE
192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "CONNECT c.example:443 HTTP/1.1" 407 5120 "-" "agent" TCP_DENIED:HIER_NONE
192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://ads.example/pixel.GIF?x=1 HTTP/1.1" 200 43 "http://news.example/" "agent" TCP_MISS:HIER_DIRECT
192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://linked.example/page HTTP/1.1" 200 43 "http://news.example/" "agent" TCP_MISS:HIER_DIRECT
`, 0, `www.example.org client=192.0.2.7 user=SCHOOL\pupil07`, "a.example client=192.0.2.7 user=pupil08", "b.example client=192.0.2.7 attempt",
		"c.example client=192.0.2.7", "ads.example client=192.0.2.7 third-party", "linked.example client=192.0.2.7")
}

// A browser that is asked to sign in does so and goes on: no refusal.
func TestG10ASignInAskedForIsNoAttempt(t *testing.T) {
	reads(t, "squid", fmt.Sprintf("%d.1 0 192.0.2.7 TCP_DENIED/407 3900 CONNECT a.example:443 - HIER_NONE/- text/html\n", at.Unix()), 0,
		"a.example client=192.0.2.7")
}

func TestEverySyslogEnvelope(t *testing.T) {
	body := fmt.Sprintf("%d.000 3 192.0.2.7 TCP_TUNNEL/200 39 CONNECT a.example:443 pupil07 HIER_DIRECT/x -", at.Unix())
	for _, envelope := range []string{
		"", "<134>Nov 21 23:15:01 proxy (squid-1)[412]: ", "Nov 21 23:15:01 proxy squid[412]: ", "Nov 21 23:15:01 proxy squid: ",
		"Nov 21 23:15:01.123456 proxy (squid-1)[412]: ", "2026-11-21T23:15:01.123456+00:00 proxy squid[412]: ",
		"2026-11-21T23:15:01+0000 proxy squid[412]: ", "<134>1 2026-11-21T23:15:01.123Z proxy squid 412 - - ",
		`<134>1 2026-11-21T23:15:01Z proxy squid 412 ID7 [a@1 k="v \"]\" w"][b@1] ` + "\xef\xbb\xbf", "<134>1 - - squid - - - ",
	} {
		reads(t, "squid", envelope+body+"\n", 0, "a.example client=192.0.2.7 user=pupil07")
	}
	reads(t, "squid", "-- Boot 7f3a --\nNov 21 23:15:01 proxy kernel\n<134>1 x y\n<134>1 - a b c d [x \n", 4)
}

func TestADateWithoutAYearIsTheLatestThatFits(t *testing.T) {
	for _, c := range []struct{ line, now, want string }{
		{"Nov 21 23:15:01", "2026-11-22T00:00:00Z", "2026-11-21T23:15:01Z"},
		{"Dec 31 23:59:59", "2027-01-01T00:00:03Z", "2026-12-31T23:59:59Z"},
		{"Jan  1 00:00:03", "2026-12-31T23:59:58Z", "2027-01-01T00:00:03Z"}, // the other clock is ahead
		{"Feb 29 12:00:00", "2027-03-01T00:00:00Z", "2024-02-29T12:00:00Z"},
		{"Nov 23 12:00:00", "2026-11-21T00:00:00Z", "2025-11-23T12:00:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		got, rest, ok := stamp([]byte(c.line+" x"), Options{Zone: time.UTC, Now: func() time.Time { return now }})
		if !ok || got.Format(time.RFC3339) != c.want || string(rest) != " x" {
			t.Errorf("%s seen at %s: %v, %q", c.line, c.now, got, rest)
		}
	}
	for _, bad := range []string{"Nov 31 24:00:00 x", "Abc 21 23:15:01 x", "Nov 2", "Nov 21 23:15 proxy"} {
		if got, _, ok := stamp([]byte(bad), testOptions()); ok {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestATimeWithoutAZoneIsTheSchools(t *testing.T) {
	o := testOptions()
	o.Zone = time.FixedZone("", 3600)
	got, _, ok := stamp([]byte("Nov 21 23:15:01 x"), o)
	if want := at.Add(-time.Hour); !ok || !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestALogsFormatIsFound(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{line(1), "squid"},
		{"Nov 21 23:15:01 proxy squid[412]: " + line(1), "squid"},
		{`192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "CONNECT a.example:443 HTTP/1.1" 200 1`, "combined"},
		{"Nov 21 23:15:01 dnsmasq[412]: query[A] a.example from 192.0.2.7\n", "dnsmasq"},
		{"[1795302901] unbound[412:0] info: 192.0.2.7 a.example. A IN\n", "unbound"},
		{"21-Nov-2026 23:15:01.123 queries: info: client 192.0.2.7#53 (a.example): query: a.example IN A + (x)\n", "bind"},
		{`{"T":"2026-11-21T23:15:01Z","QH":"a.example","QT":"A","IP":"192.0.2.7","Result":{}}`, "adguard"},
		{`{"ts":1795302901.1,"id.orig_h":"192.0.2.7","server_name":"a.example"}`, "zeek"},
		{zeekHead + "#fields\tts\tid.orig_h\tserver_name\n1795302901.1\t192.0.2.7\ta.example\n", "zeek"},
		{"time,host\n2026-11-21T23:15:01Z,a.example\n", "csv"},
	} {
		if got, err := Detect([]byte(c.log), testOptions()); got != c.want || err != nil {
			t.Errorf("%q: %q, %v; want %s", c.log, got, err, c.want)
		}
	}
	_, err := Detect([]byte("Dear diary,\ntoday it rained.\n"), testOptions())
	if err == nil || !strings.Contains(err.Error(), "squid, combined, dnsmasq") {
		t.Errorf("%v; want the formats there are", err)
	}
}

func TestAFormatHasTheNamesThatPeopleCallItBy(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range formats {
		for _, name := range append(f.Alias, f.Name) {
			if got, err := FormatNamed(name); err != nil || got.Name != f.Name || seen[name] {
				t.Errorf("%s: %s, %v", name, got.Name, err)
			}
			seen[name] = true
		}
	}
}
