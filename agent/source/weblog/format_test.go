package weblog

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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

func TestALogIsReadOnceToItsEnd(t *testing.T) {
	text := someLines(0, 3) + "odd\n" + strings.Repeat("x", 1<<20) + "\n\n" + strings.TrimSuffix(line(3), "\n")
	var got []string
	sum, err := ReadAll("squid", strings.NewReader(text), Options{}, func(o event.Observation) error {
		got = append(got, o.Name)
		return nil
	})
	if want := (Summary{Lines: 6, Told: 4, Unparsed: 1, TooLong: 1}); err != nil || sum != want {
		t.Errorf("got %+v, %v; want %+v", sum, err, want)
	}
	same(t, got, hosts(0, 4))
	stop := errors.New("the reader went away")
	if _, err := ReadAll("squid", strings.NewReader(text), Options{}, func(event.Observation) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadAll("squib", strings.NewReader(text), Options{}, nil); err == nil {
		t.Error("read a format that there is not")
	}
}
