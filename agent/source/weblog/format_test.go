package weblog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/agent/source/hostname"
	"safelight/internal/event"
)

func TestSquidLines(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 35, 1, 123e6, time.UTC)
	stamp := fmt.Sprintf("%d.123", at.Unix())
	for rest, want := range map[string]Entry{
		"245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT Www.Example.org:443 pupil07 HIER_DIRECT/198.51.100.4 -":       {Host: "www.example.org", User: "pupil07"},
		"  3 192.0.2.7 TCP_DENIED/403 3900 GET http://example.net/a?b=secret - HIER_NONE/- text/html":            {Host: "example.net", Denied: true},
		"0 192.0.2.7 TCP_DENIED_REPLY/403 0 GET http://example.net - HIER_NONE/- -":                              {Host: "example.net", Denied: true},
		"1 192.0.2.7 TCP_MISS/200 1 GET http://user:word@example.net:8080?q=x - HIER_DIRECT/x -":                 {Host: "example.net"},
		"1 192.0.2.7 TCP_MISS/200 1 GET http://[2001:DB8::1]:80/ - HIER_DIRECT/x -":                              {Host: "2001:db8::1"},
		"1 192.0.2.7 TCP_MISS/200 1 GET https://münchen.example/ - HIER_DIRECT/x -":                              {Host: "xn--mnchen-3ya.example"},
		"1 192.0.2.7 TCP_HIT/200 1 GET ftp://files.example.org/pub - HIER_NONE/- -":                              {Host: "files.example.org"},
		"1 192.0.2.7 NONE_NONE/200 0 CONNECT www.example.org.:443 pupil07 HIER_NONE/- - extra fields at the end": {Host: "www.example.org", User: "pupil07"},
	} {
		got, err := parseSquid([]byte(stamp + " " + rest))
		want.Time, want.Client = at, "192.0.2.7"
		if err != nil || got != want {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", rest, got, err, want)
		}
	}
	for rest, want := range map[string]error{
		"0 192.0.2.7 NONE/400 3900 NONE error:invalid-request - HIER_NONE/- text/html": errNoHost,
		"245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT":                                    errShape,
		"x 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT a:443 - - -":                          errShape,
		"": errShape,
	} {
		if _, err := parseSquid([]byte(stamp + " " + rest)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", rest, err, want)
		}
	}
	for _, stamp := range []string{"", "x", "-5.1", "99999999999999.1", "1.x", "1.1234567890"} {
		if _, err := parseSquid([]byte(stamp + " 245 192.0.2.7 TCP_TUNNEL/200 5120 CONNECT a:443 - - -")); !errors.Is(err, errShape) {
			t.Errorf("time %q: got %v", stamp, err)
		}
	}
}

func TestCombinedLines(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 15, 1, 0, time.UTC)
	for line, want := range map[string]Entry{
		`192.0.2.7 - pupil07 [21/Nov/2026:23:15:01 +0000] "CONNECT www.example.org:443 HTTP/1.1" 200 5120 "-" "agent"`:   {Host: "www.example.org", User: "pupil07"},
		`192.0.2.7 - - [22/Nov/2026:00:15:01 +0100] "GET http://example.net/a?b HTTP/1.1" 403 1 "http://from/" "a" more`: {Host: "example.net", Denied: true},
	} {
		got, err := parseCombined([]byte(line))
		want.Time, want.Client = at, "192.0.2.7"
		if err != nil || got != want {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", line, got, err, want)
		}
	}
	for line, want := range map[string]error{
		`192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET /a?b HTTP/1.1" 200 1 "-" "-"`: errNoHost,
		`192.0.2.7 - - [yesterday] "GET http://a/ HTTP/1.1" 200 1`:                     errShape,
		`192.0.2.7 - - [21/Nov/2026:23:15:01 +0000] "GET http://a/`:                    errShape,
		``: errShape,
	} {
		if _, err := parseCombined([]byte(line)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", line, err, want)
		}
	}
}

func TestG11PathAndQueryNeverLeaveTheLine(t *testing.T) {
	const canary = "canary-7f3a"
	text := "1795302901.123 245 192.0.2.7 TCP_MISS/200 5120 GET http://www.example.org/" + canary + "?q=" + canary + "#" + canary + " - HIER_DIRECT/198.51.100.4 " + canary + "\n" +
		"1795302901.123 245 192.0.2.7 TCP_MISS/200 5120 GET http://" + canary + ":" + canary + "@www.example.org/ - HIER_DIRECT/198.51.100.4 -\n"
	sum, err := ReadAll("squid", strings.NewReader(text), time.Now, func(o event.Observation) error {
		if strings.Contains(fmt.Sprintf("%+v", o), canary) {
			t.Errorf("told %+v", o)
		}
		return nil
	})
	if err != nil || sum.Told != 2 {
		t.Errorf("got %+v, %v", sum, err)
	}
}

func TestALogIsReadOnceToItsEnd(t *testing.T) {
	text := someLines(0, 3) + "odd\n" + strings.Repeat("x", 1<<20) + "\n\n" + strings.TrimSuffix(line(3), "\n")
	var got []string
	sum, err := ReadAll("squid", strings.NewReader(text), time.Now, func(o event.Observation) error {
		got = append(got, o.Name)
		return nil
	})
	if want := (Summary{Lines: 6, Told: 4, Unparsed: 1, TooLong: 1}); err != nil || sum != want {
		t.Errorf("got %+v, %v; want %+v", sum, err, want)
	}
	same(t, got, hosts(0, 4))
	stop := errors.New("the reader went away")
	if _, err := ReadAll("squid", strings.NewReader(text), time.Now, func(event.Observation) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadAll("squib", strings.NewReader(text), time.Now, nil); err == nil {
		t.Error("read a format that there is not")
	}
}

func FuzzSquidLine(f *testing.F) {
	f.Add([]byte(line(1)))
	f.Add([]byte("1795302901.123 3 192.0.2.7 TCP_DENIED/403 3900 GET http://a@[::1]:80/a?b - HIER_NONE/- text/html"))
	f.Add([]byte("0.0 0 - NONE/000 0 NONE error:transaction-end-before-headers - HIER_NONE/- -"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, format := range formats {
			e, err := format.Parse(b)
			if err != nil {
				continue
			}
			again, ok := hostname.Normalise(e.Host)
			if v6, is := hostname.Normalise("[" + e.Host + "]"); is {
				again, ok = v6, true
			}
			if !ok || again != e.Host || strings.ContainsAny(e.Host, "/?#@ ") {
				t.Errorf("%s: host %q of %q", format.Name, e.Host, b)
			}
		}
	})
}
