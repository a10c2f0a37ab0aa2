package weblog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// killedLogs have questions and answers on lines of their own, the answers
// naming their client, overlapping and in another order.
var killedLogs = map[string]struct{ log, want string }{
	"unbound": {`
[1795302901] unbound[4:0] info: 192.0.2.1 a.example. A IN
[1795302901] unbound[4:0] info: 192.0.2.2 b.example. A IN
[1795302901] unbound[4:0] info: 192.0.2.1 a.example. A IN NXDOMAIN 0.02 0 58
[1795302901] unbound[4:0] info: 192.0.2.2 b.example. A IN NOERROR 0.02 0 58
[1795302901] unbound[4:0] info: 192.0.2.3 c.example. A IN
[1795302901] unbound[4:0] info: 192.0.2.4 d.example. A IN
[1795302901] unbound[4:0] info: 192.0.2.5 e.example. A IN
[1795302901] unbound[4:0] info: d.example. always_nxdomain 192.0.2.4@531 d.example. A IN
[1795302901] unbound[4:0] info: 192.0.2.5 e.example. A IN NOERROR 0.02 0 58
[1795302901] unbound[4:0] info: 192.0.2.6 f.example. A IN NOERROR 0.02 0 58
[1795302901] unbound[4:0] info: 192.0.2.3 c.example. A IN REFUSED 0.02 0 58
`, "a! b c! d! e f"},
	"bind": {`
21-Nov-2026 23:15:01.1 queries: info: client @0x7f 192.0.2.1#53 (a.example): query: a.example IN A + (x)
21-Nov-2026 23:15:01.1 queries: info: client @0x7f 192.0.2.2#53 (b.example): query: b.example IN A + (x)
21-Nov-2026 23:15:01.2 rpz: info: client @0x7f 192.0.2.1#53 (a.example): rpz QNAME NXDOMAIN rewrite a.example/A/IN via a.example.rpz
21-Nov-2026 23:15:01.2 rpz: info: client @0x7f 192.0.2.2#53 (b.example): rpz QNAME PASSTHRU rewrite b.example/A/IN via b.example.rpz
21-Nov-2026 23:15:01.1 queries: info: client @0x7f 192.0.2.3#53 (c.example): query: c.example IN A + (x)
21-Nov-2026 23:15:01.2 rpz: info: client @0x7f 192.0.2.3#53 (c.example): rpz QNAME NXDOMAIN rewrite c.example/A/IN via c.example.rpz
`, "a! b c!"},
	"dnsmasq": {`
Nov 21 23:15:01 gw dnsmasq[4]: 41 192.0.2.1/53 query[A] a.example from 192.0.2.1
Nov 21 23:15:01 gw dnsmasq[4]: 42 192.0.2.2/53 query[A] b.example from 192.0.2.2
Nov 21 23:15:01 gw dnsmasq[4]: 43 192.0.2.3/53 query[A] a.example from 192.0.2.3
Nov 21 23:15:01 gw dnsmasq[4]: 41 192.0.2.1/53 reply a.example is <CNAME>
Nov 21 23:15:01 gw dnsmasq[4]: 41 192.0.2.1/53 config web.example is NXDOMAIN
Nov 21 23:15:01 gw dnsmasq[4]: 43 192.0.2.3/53 reply a.example is 198.51.100.4
Nov 21 23:15:01 gw dnsmasq[4]: 43 192.0.2.3/53 reply a.example is 198.51.100.5
Nov 21 23:15:01 gw dnsmasq[4]: 42 192.0.2.2/53 config b.example is NXDOMAIN
Nov 21 23:15:01 gw dnsmasq[4]: 44 192.0.2.4/53 query[A] c.example from 192.0.2.4
Nov 21 23:15:01 gw dnsmasq[4]: 44 192.0.2.4/53 reply c.example is 198.51.100.4
`, "a! b! a c"},
	"pihole": { // without clients, so that only an answer's place says whose it was
		`
Nov 21 23:15:01 dnsmasq[4]: query[A] a.example from 192.0.2.1
Nov 21 23:15:01 dnsmasq[4]: query[A] a.example from 192.0.2.2
Nov 21 23:15:01 dnsmasq[4]: query[A] b.example from 192.0.2.2
Nov 21 23:15:01 dnsmasq[4]: gravity blocked a.example is 0.0.0.0
Nov 21 23:15:01 dnsmasq[4]: reply a.example is 198.51.100.4
Nov 21 23:15:01 dnsmasq[4]: reply b.example is <CNAME>
Nov 21 23:15:01 dnsmasq[4]: gravity blocked ads.example is 0.0.0.0
`, "a! a b!",
	},
}

// told is what runs told, in a few letters; "!" is an attempt.
func told(runs ...*run) string {
	var all []string
	for _, r := range runs {
		for _, o := range r.got {
			name := strings.TrimSuffix(o.Name, ".example")
			if o.Attempt {
				name += "!"
			}
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

func plainly(format string) func(*Config) {
	return func(c *Config) { c.Format, c.Unfolded, c.Options = format, true, testOptions() }
}

// However far the log was written and however much of it was told when the
// agent was killed, it is told on once: an answer behind the place that was
// kept is known to be that of a question before it.
func TestKilledAnywhereEachQuestionIsToldOnce(t *testing.T) {
	for format, c := range killedLogs {
		t.Run(format, func(t *testing.T) {
			whole := strings.SplitAfter(strings.TrimPrefix(c.log, "\n"), "\n")
			whole = whole[:len(whole)-1]
			for written := range len(whole) + 1 {
				for killed := range len(strings.Fields(c.want)) + 1 {
					l := newLog(t)
					l.add(strings.Join(whole[:written], ""))
					first := l.followUntil(killed, nil, plainly(format)).look(1)
					checkpoint := first.stop()
					l.add(strings.Join(whole[written:], ""))
					second := l.follow(checkpoint, plainly(format)).look(1)
					second.stop()
					if got := told(first, second); got != c.want {
						t.Errorf("%d lines written, killed after %d: told %q, then %q; want %q", written, killed, told(first), told(second), c.want)
					}
				}
			}
		})
	}
}

// The file is rotated between a question and its answer, and the agent is
// killed twice.
func TestKilledTwiceOverARotationEachQuestionIsToldOnce(t *testing.T) {
	c := killedLogs["unbound"]
	whole := strings.SplitAfter(strings.TrimPrefix(c.log, "\n"), "\n")
	puts := len(strings.Fields(c.want))
	for rotated := 1; rotated < len(whole)-1; rotated++ {
		for killed := 1; killed < puts; killed++ { // before, nothing is known of a rotated file
			l := newLog(t)
			l.add(strings.Join(whole[:rotated], ""))
			first := l.followUntil(killed, nil, plainly("unbound")).look(1)
			l.rename()
			l.aged(".1", time.Minute)
			l.add(strings.Join(whole[rotated:], ""))
			first.look(3)
			checkpoint := first.stop()
			second := l.followUntil(1, checkpoint, plainly("unbound")).look(3)
			if at := second.stop(); at != nil {
				checkpoint = at
			}
			third := l.follow(checkpoint, plainly("unbound")).look(3)
			third.stop()
			if got := told(first, second, third); got != c.want {
				t.Errorf("rotated after %d lines, killed after %d: told %q, %q, %q; want %q", rotated, killed, told(first), told(second), told(third), c.want)
			}
		}
	}
}

// An agent of an earlier version kept the place alone.
func TestAnOlderCheckpointIsReadOn(t *testing.T) {
	l := newLog(t)
	l.add(someLines(0, 2))
	checkpoint := l.followUntil(1, nil).look(1).stop()
	old := append([]byte{placeVersion}, checkpoint[1:placeSize]...)
	r := l.follow(old).look(1)
	r.stop()
	same(t, r.hosts(), hosts(1, 2))
}

func TestACheckpointHasRoomInTheSpoolHoweverManyAnswersAreBehindIt(t *testing.T) {
	c := checkpoint{place: place{offset: 1 << 40}, answers: true}
	for n := range 3 * maxBehind {
		c.behind = append(c.behind, int64(n+1)*maxLine)
	}
	b := c.encode()
	if len(b) > 4<<10 {
		t.Errorf("%d bytes", len(b))
	}
	again, err := decodeCheckpoint(b)
	if err != nil || again.place != c.place || !again.answers || len(again.behind) != maxBehind || again.behind[maxBehind-1] != c.behind[maxBehind-1] {
		t.Errorf("%v, %d answers", err, len(again.behind))
	}
	for _, bad := range [][]byte{b[:len(b)-1], append(bytes.Clone(b), 0x80), append(bytes.Clone(b), 0)} {
		if _, err := decodeCheckpoint(bad); !errors.Is(err, errCheckpoint) {
			t.Errorf("%d bytes for %d: %v", len(bad), len(b), err)
		}
	}
}

// A log of questions alone is not held up for ever by answers that never come.
func TestALogWithoutAnswersIsNotWaitedFor(t *testing.T) {
	p := pairs{answers: true}
	for n := range 2 * unanswered {
		p.add(Entry{Host: fmt.Sprint(n), stage: question}, place{}, int64(n), now)
		p.next(now.Add(grace))
	}
	p.add(Entry{Host: "last", stage: question}, place{}, 1000, now)
	if h, ok := p.next(now); !ok || h.Host != "last" {
		t.Error("the question waits")
	}
	p.add(Entry{Host: "other", stage: answer}, place{}, 1001, now)
	p.add(Entry{Host: "first", stage: question}, place{}, 1002, now)
	if _, ok := p.next(now); ok {
		t.Error("an answer was seen, and no question waits for its own")
	}
}

// What a name leads to was asked for by nobody (G2), and a reply of several
// addresses is one answer.
func TestG2WhatANameLeadsToIsNotToldAsAskedFor(t *testing.T) {
	for name, prefix := range map[string]string{"with serials": "41 192.0.2.7/53 ", "without": ""} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			for _, body := range []string{
				"query[A] shop.example from 192.0.2.7", "forwarded shop.example to 192.0.2.53",
				"reply shop.example is <CNAME>", "reply mid.example is <CNAME>",
				"reply target.example is 198.51.100.4", "reply target.example is 198.51.100.5",
			} {
				log.WriteString("Nov 21 23:15:01 dnsmasq[4]: " + prefix + body + "\n")
			}
			reads(t, "dnsmasq", log.String(), 0, "shop.example client=192.0.2.7 of=dns")
			blocked := strings.Replace(log.String(), "target.example is 198.51.100.4", "target.example is 0.0.0.0", 1)
			reads(t, "dnsmasq", blocked, 0, "shop.example client=192.0.2.7 of=dns attempt")
		})
	}
}
