package weblog

import (
	"errors"
	"strings"
	"testing"

	"safelight/agent/source"
)

// ofFormats are lines as each format's program writes them, notes of its own
// among them.
var ofFormats = map[string]string{
	"squid": line(1) + line(2),
	"combined": `192.0.2.7 - pupil07 [21/Nov/2026:23:15:01 +0000] "CONNECT www.example.org:443 HTTP/1.1" 200 5120 "-" "agent" TCP_TUNNEL:HIER_DIRECT
192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://b.example/is/it is HTTP/1.1" 403 5120 "-" "agent"
`,
	"dnsmasq": `Nov 21 23:15:01 dnsmasq[412]: started, version 2.90 cachesize 150
Nov 21 23:15:01 gw dnsmasq[412]: 41 192.0.2.7/53124 query[A] a.example from 192.0.2.7
Nov 21 23:15:01 gw dnsmasq[412]: 41 192.0.2.7/53124 reply a.example is 198.51.100.4
Nov 21 23:15:01 dnsmasq[412]: query[A] b.example from 192.0.2.7
Nov 21 23:15:01 dnsmasq[412]: forwarded b.example to 192.0.2.53
Nov 21 23:15:01 dnsmasq[412]: config b.example is NXDOMAIN
dnsmasq[412]: query[A] c.example from 192.0.2.7
`,
	"unbound": `[1795302901] unbound[412:0] notice: init module 0: validator
[1795302901] unbound[412:0] info: start of service (unbound 1.17.1).
[1795302901] unbound[412:0] info: 192.0.2.7 www.example.org. A IN
[1795302901] unbound[412:0] info: 192.0.2.7 www.example.org. A IN NOERROR 0.021345 0 58
[1795302901] unbound[412:0] info: blocked.example. always_nxdomain 192.0.2.7@53124 www.blocked.example. A IN
Nov 21 23:15:01 gw unbound[412]: [412:0] info: 192.0.2.7 syslog.example. A IN NOERROR 0.1 0 58
Nov 21 23:15:01 unbound[412:0] info: 192.0.2.7 ascii.example. A IN NOERROR 0.1 0 58
2026-11-21T23:15:01.123+00:00 unbound[412:0] reply: 192.0.2.7 tagged.example. A IN REFUSED 0.1 0 58
<30>1 2026-11-21T23:15:01Z gw unbound 412 - - info: 192.0.2.7 five.example. A IN
<30>1 2026-11-21T23:15:01Z gw dns 412 - [meta sequenceId="1"] [412:0] info: 192.0.2.7 sense.example. A IN
`,
	"bind": `21-Nov-2026 23:15:01.123 queries: info: client @0x7f3c10 192.0.2.7#53124 (www.example.org): query: www.example.org IN A +E(0)K (192.0.2.53)
2026-11-21T23:15:01.125Z queries: info: client @0x7f3c10 2001:db8::7#53124 (iso.example): query: iso.example IN HTTPS + (192.0.2.53)
Nov 21 23:15:01 gw named[412]: client @0x7f3c10 192.0.2.7#53124 (syslog.example): query: syslog.example IN A +E(0) (192.0.2.53)
21-Nov-2026 23:15:01.127 rpz: info: client @0x7f3c10 192.0.2.7#53124 (blocked.example): rpz QNAME NXDOMAIN rewrite blocked.example/A/IN via blocked.example.rpz.school
21-Nov-2026 23:15:01.130 general: info: running
`,
	"adguard": `{"T":"2026-11-21T23:15:01.123456789Z","QH":"www.example.org","QT":"A","QC":"IN","CP":"","Upstream":"192.0.2.53:53","Answer":"AAGBgAAB","IP":"192.0.2.7","Result":{},"Elapsed":1234567}
`,
	"zeek": zeekHead + "#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tquery\tqtype_name\trcode_name\tanswers\n" +
		"1795302901.1\tC1\t192.0.2.7\t53124\twww.example.org\tA\tNOERROR\tweb.example.net,198.51.100.4\n",
	"zeek-json": `{"ts":1795302901.1,"uid":"C1","id.orig_h":"192.0.2.7","query":"www.example.org","qtype_name":"A","rcode_name":"NOERROR"}
{"ts":1795302901.1,"id.orig_h":"192.0.2.8","server_name":"tls.example","established":true}
`,
	"csv": "time,client_ip,user,host,action\n2026-11-21T23:15:01Z,192.0.2.7,pupil07,www.example.org,allowed\n",
	"csv with tabs": "time\tclient_ip\tuser\thost\taction\n2026-11-21T23:15:01Z\t192.0.2.7\tpupil07\twww.example.org\tallowed\n" +
		"2026-11-21 23:15:01\t192.0.2.7\tpupil07\twww.example.org\tallowed\n",
	"pihole": `Nov 21 23:15:01 dnsmasq[412]: gravity blocked ads.example is 0.0.0.0
Nov 21 23:15:01 dnsmasq[412]: query[A] fine.example from 192.0.2.7
`,
	"a system log": `Nov 21 23:15:01 gw systemd[1]: Started Daily apt upgrade and clean activities.
Nov 21 23:15:01 gw kernel: [1795302901] usb 1-1: new device is found
2026-11-21T23:15:01.125Z gw sshd[412]: info: Accepted publickey
`,
	"a diary": "Dear diary,\ntoday it rained, and nothing else is new.\n[1] and [2:3] info\n",
}

// isOf says whether lines called name are of format.
func isOf(name, format string) bool {
	dnsmasq := func(s string) bool { return s == "dnsmasq" || s == "pihole" }
	return strings.HasPrefix(name, format) || dnsmasq(name) && dnsmasq(format)
}

// A log that is followed as another's must not look like one in which nothing
// happens: none of its lines is taken, and none passed over as a note.
func TestEveryFormatRefusesTheLinesOfEveryOther(t *testing.T) {
	for _, format := range formats {
		for name, log := range ofFormats {
			parse := format.parser(testOptions())
			for _, one := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
				e, err := parse([]byte(one))
				understood := err == nil || errors.Is(err, errNothing) || errors.Is(err, errHeader)
				if understood != isOf(name, format.Name) {
					t.Errorf("%s as %s: %+v, %v of %q", name, format.Name, e, err, one)
				}
			}
		}
	}
}

// What is followed under the wrong format counts as not covered, and as covered
// again when the log is of the format after all.
func TestALogOfAnotherFormatIsSaidSo(t *testing.T) {
	for _, format := range Formats() {
		l := newLog(t)
		other := "dnsmasq"
		if isOf(other, format) {
			other = "squid"
		}
		l.add(strings.Repeat(ofFormats[other], foreign))
		r := l.follow(nil, plainly(format)).look(1)
		if st := r.src.Status(); st.State != source.Unavailable || !strings.Contains(st.Detail, "format") && !strings.Contains(st.Detail, "columns") || len(r.got) > 0 {
			t.Errorf("%s as %s: %+v", other, format, st)
		}
		l.add(ofFormats[format])
		r.look(1)
		if st := r.src.Status(); st.State != source.Running && format != "csv" { // its header comes too late
			t.Errorf("%s: %+v", format, st)
		}
		r.stop()
	}
}
