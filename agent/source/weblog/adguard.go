package weblog

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"safelight/internal/event"
)

// adGuardLine is what is read of a line of AdGuard Home's querylog.json:
//
//	{"T":"2026-11-21T23:15:01.123456789Z","QH":"www.example.org","QT":"A","QC":"IN","CP":"","Upstream":"192.0.2.53:53","Answer":"b2uB...","IP":"192.0.2.7","Result":{},"Elapsed":1234567}
//	{"T":"2026-11-21T23:15:02.5Z","QH":"blocked.example","QT":"A","QC":"IN","Answer":"...","IP":"192.0.2.7","Result":{"IsFiltered":true,"Reason":3,"Rules":[{"Text":"||blocked.example^","FilterListID":1}]}}
type adGuardLine struct {
	T      time.Time
	QH     string
	QT     string
	IP     string
	Answer string // the DNS message, base64
	Result struct {
		IsFiltered bool
		Reason     int
	}
}

// The reasons of a filtered answer that refuse nothing: the question could not
// be read, or the name of a search engine was led to its safe search.
const (
	adGuardInvalid    = 6
	adGuardSafeSearch = 7
)

func parseAdGuard(line []byte) (Entry, error) {
	var l adGuardLine
	if err := json.Unmarshal(line, &l); err != nil || l.QH == "" || l.T.IsZero() {
		return Entry{}, errShape
	}
	if !asksForSite(l.QT) {
		return Entry{}, errNothing
	}
	host, err := dnsName(l.QH)
	blocked := l.Result.IsFiltered && l.Result.Reason != adGuardInvalid && l.Result.Reason != adGuardSafeSearch
	return Entry{
		Time: l.T.UTC(), Host: host, Client: l.IP, Of: event.ViaDNS,
		Denied: blocked || noSuchName(l.Answer),
	}, err
}

// noSuchName looks at the response code of a DNS message (RFC 1035, section
// 4.1.1): NXDOMAIN or REFUSED.
func noSuchName(message string) bool {
	var header [6]byte
	if len(message) < 8 {
		return false
	}
	if _, err := base64.StdEncoding.Decode(header[:], []byte(message[:8])); err != nil {
		return false
	}
	code := header[3] & 0x0f
	return code == 3 || code == 5
}
