package selfcheck

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"safelight/agent/source"
	"safelight/internal/event"
	safelightv1 "safelight/proto/safelight/v1"
)

func TestEverySourceThatWorksIsSeenToWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network", "process")
		began := time.Now()
		r := d.check()
		for what, delay := range map[What]time.Duration{DNS: 2 * time.Second, TLS: 150 * time.Millisecond, HTTP: 100 * time.Millisecond, QUIC: 120 * time.Millisecond, Program: time.Second} {
			if got := d.result(r, what); got.Outcome != Seen || got.Delay != delay || got.Detail != "" {
				t.Errorf("%s: %+v, want seen after %s", what, got, delay)
			}
		}
		if !r.Complete() || d.ended != 1 || r.Hidden["vpn"] != 2 || r.PolicySerial != 7 || r.System == "" {
			t.Errorf("report %+v, %d programs ended", r, d.ended)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s although all was seen after two seconds", took)
		}
		if !strings.HasSuffix(d.asked[0], "."+Domain) || len(d.here) != 0 {
			t.Errorf("asked %q, over loopback %q", d.asked, d.here)
		}
	})
}

func TestASourceThatSeesNothingIsReportedNotSeen(t *testing.T) {
	for name, c := range map[string]struct {
		ail    func(d *device)
		what   What
		detail string
	}{
		"the network source is blind":  {func(d *device) { d.blind = true }, DNS, "did not tell of it"},
		"it sees loopback and no more": {func(d *device) { d.blindFar = true }, DNS, "not on its way to the resolver"},
		"hellos on loopback only":      {func(d *device) { d.blindFar = true }, TLS, "not on its way to the collector"},
		"requests are not read":        {func(d *device) { d.noHTTP = true }, HTTP, "did not tell of it; met since the agent's start, and able to hide it: vpn"},
		"QUIC is not read":             {func(d *device) { d.noQUIC = true }, QUIC, "did not tell of it; met since the agent's start, and able to hide it: vpn"},
		"QUIC on loopback only":        {func(d *device) { d.blindFar = true }, QUIC, "not on its way to the collector"},
		"requests on loopback only":    {func(d *device) { d.blindFar = true }, HTTP, "not on its way to the collector"},
		"programs are not told of":     {func(d *device) { d.noPrograms = true }, Program, "did not tell of it"},
		"it was stopped": {func(d *device) {
			d.blind, d.sources[0].State, d.sources[0].Detail = true, source.Stopped, "no permission"
		}, TLS, "the source is stopped: no permission"},
		"what it saw was lost":                   {func(d *device) { d.blind, d.sources[0].Lost = true, 3 }, DNS, "some of what it sees is lost"},
		"no rules have come, so nothing is read": {func(d *device) { d.blind, d.rulesArrived = true, false }, DNS, "no rules have arrived"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDevice(t, "network", "process")
				c.ail(d)
				began := time.Now()
				r := d.check()
				if got := d.result(r, c.what); got.Outcome != NotSeen || !strings.Contains(got.Detail, c.detail) || !got.Failed() || r.Complete() {
					t.Errorf("%+v; want not seen: %q", got, c.detail)
				}
				if took := time.Since(began); took > patience+time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestADeviceWithoutANetworkIsCheckedOverItsLoopbackAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network")
		d.online = false
		r := d.check()
		for what, far := range map[What]string{DNS: "the resolver", TLS: "the collector", HTTP: "the collector", QUIC: "the collector"} {
			got := d.result(r, what)
			if got.Outcome != Seen || !strings.Contains(got.Detail, far+" could not be reached") {
				t.Errorf("%s: %+v", what, got)
			}
		}
	})
}

func TestG19AForgedNameDoesNotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network")
		d.blind = true
		forge := func(name string) bool {
			return d.marks.Took("network", event.Observation{Kind: event.Domain, Name: name, Via: event.ViaDNS})
		}
		done := make(chan Report)
		go func() { done <- d.check() }()
		synctest.Wait()
		nonce := strings.Split(d.asked[0], ".")[1]
		for _, name := range []string{
			Domain, "dns." + Domain, "dns." + strings.Repeat("0", 32) + "." + Domain, nonce + "." + Domain,
			"dns." + nonce + ".check.safelight.invalid.example", "dns-" + nonce + "." + Domain,
		} {
			if forge(name) {
				t.Errorf("%s was taken for the check's", name)
			}
		}
		// The right number, for something that was not tried.
		if !forge("program."+nonce+"."+Domain) || !forge("tls-sent."+nonce+"."+Domain) {
			t.Error("a name of the running check was left to be judged")
		}
		r := <-done
		for _, one := range r.Results {
			if one.Outcome == Seen {
				t.Errorf("%+v passed by a forged name", one)
			}
		}
		// A number is used once: the next check has another.
		go func() { done <- d.check() }()
		synctest.Wait()
		forge("dns." + nonce + "." + Domain)
		if r = <-done; d.result(r, DNS).Outcome == Seen {
			t.Error("an earlier check's name passed in the next")
		}
	})
}

func TestG19WhatBelongsToACheckIsTakenOutLateToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network", "process")
		d.check()
		late := event.Observation{Kind: event.Domain, Name: d.asked[0], Via: event.ViaTLS}
		again := event.Observation{Kind: event.Process, PID: childPID, Exe: ownExe}
		for _, o := range []event.Observation{late, again} {
			if !d.marks.Took("network", o) {
				t.Errorf("%s of a check just over was left to be judged", o.Kind)
			}
		}
		// The number may be another program's by now.
		if d.marks.Took("process", event.Observation{Kind: event.Process, PID: childPID, Exe: "/usr/bin/other"}) || d.marks.Took("process", event.Observation{Kind: event.Process, PID: childPID}) {
			t.Error("somebody's program was taken for the check's")
		}
		time.Sleep(linger)
		if d.marks.Took("network", late) || len(d.marks.trials) != 0 {
			t.Error("a check that is long over is still remembered")
		}
	})
}

func TestAFollowedLogIsNotWrittenToAndSaysHowItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "weblog:squid:/var/log/squid/access.log")
		r := d.check()
		if got := d.result(r, Log); got.Outcome != NotChecked || got.Failed() || r.Complete() {
			t.Errorf("a log of which nothing was read: %+v, complete %v", got, r.Complete())
		}
		d.marks.Took(d.sources[0].Name, event.Observation{Kind: event.Domain, Name: "www.example.org", Via: event.ViaLog})
		time.Sleep(lately)
		if got := d.result(d.check(), Log); got.Outcome != Seen {
			t.Errorf("a log that was read lately: %+v", got)
		}
		time.Sleep(time.Minute)
		if got := d.result(d.check(), Log); got.Outcome != NotChecked {
			t.Errorf("a log that was read long ago: %+v", got)
		}
		d.sources[0].State, d.sources[0].Detail = source.Unavailable, "no such file"
		if got := d.result(d.check(), Log); got.Outcome != NotSeen || !strings.Contains(got.Detail, "no such file") {
			t.Errorf("a log that is not there: %+v", got)
		}
		if len(d.asked)+len(d.greeted)+d.started != 0 {
			t.Error("something was tried that no source could see")
		}
	})
}

func TestNobodyChecksAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network")
		first := make(chan error, 1)
		go func() { _, err := d.checker.Check(t.Context(), AskedHere, ""); first <- err }()
		synctest.Wait()
		if _, err := d.checker.Check(t.Context(), AskedHere, ""); !errors.Is(err, ErrBusy) {
			t.Errorf("a second at once: %v", err)
		}
		must(t, <-first)
		if _, err := d.checker.Check(t.Context(), AskedHere, ""); !errors.Is(err, ErrBusy) {
			t.Errorf("a second at once after: %v", err)
		}
		time.Sleep(rest)
		_, err := d.checker.Check(t.Context(), AskedHere, "")
		must(t, err)
	})
}

func TestADeviceWithoutASourceProvesNothing(t *testing.T) {
	d := newDevice(t)
	if r := d.check(); r.Complete() {
		t.Error("a device on which nothing is watched passed")
	}
}

func TestTheReportKeepsTheProtocolsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network", "process")
		r := d.check()
		r.System, r.Told, r.Request = strings.Repeat("ä", 999), strings.Repeat("x", 999), strings.Repeat("y", 99)
		for range 200 {
			r.Results = append(r.Results, Result{Source: strings.Repeat("ß", 999), What: Log, Outcome: NotChecked, Detail: strings.Repeat("ä\xff", 999)})
		}
		data, err := r.Record()
		must(t, err)
		var rec safelightv1.Record
		must(t, proto.Unmarshal(data, &rec))
		m := rec.GetCheck()
		if len(data) > 64<<10 || len(m.GetResults()) != maxResults || len([]rune(m.GetSystem())) != maxSystem || m.GetResults()[0].GetDelayNs() != int64(2*time.Second) ||
			m.GetCause() != safelightv1.CheckCause_CHECK_CAUSE_WEEKLY || m.GetResults()[4].GetVia() != safelightv1.Via_VIA_POLL || m.GetHidden()["vpn"] != 2 {
			t.Errorf("%d bytes: %v", len(data), m.GetResults()[:3])
		}
	})
}

func TestG2WhatASourceIsNotToldOfIsSaidAndProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, "network")
		d.sources[0].Way = "etw"
		r := d.check()
		for _, what := range []What{TLS, HTTP, QUIC} {
			if got := d.result(r, what); got.Outcome != NotChecked || got.Good() || got.Failed() || !strings.Contains(got.Detail, "told of questions") {
				t.Errorf("%s where questions alone are told of: %+v", what, got)
			}
		}
		if r.Complete() {
			t.Error("a check is complete of which something was left untried")
		}
	})
}

func TestWhatHidesAProtocolIsNamedBesideItAlone(t *testing.T) {
	met := map[string]uint64{"ech": 3, "dot": 1, "wireguard": 2, "proxy": 4, "doq": 0}
	for what, want := range map[What]string{DNS: ": dot, wireguard", TLS: ": ech, wireguard", HTTP: ": proxy, wireguard", QUIC: ": ech, wireguard"} {
		if got := hiding(what, met); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	if got := hiding(Program, met) + hiding(DNS, nil); got != "" {
		t.Errorf("nothing hides these: %q", got)
	}
}

func TestAnOlderCollectorIsToldOfWhatItKnowsAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newDevice(t, "network", "process").check()
		older := r.ForOlder()
		var kept []What
		for _, one := range older.Results {
			kept = append(kept, one.What)
		}
		if !slices.Equal(kept, []What{DNS, TLS, Program}) || len(r.Results) != 5 || older.ID != r.ID {
			t.Errorf("an older collector is told of %v; the report itself has %d results", kept, len(r.Results))
		}
	})
}
