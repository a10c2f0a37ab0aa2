package lists

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
)

func seen(host, rule string) *model.Event {
	return &model.Event{School: school, Kind: event.Domain, Name: host, Rule: rule, Category: "gambling"}
}

func TestANameThatOnlyLooksListedIsToldToNobody(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never), domainsFrom("empty", never))
	d.importText(t, "bets", numbered(0, 100))
	for _, c := range []struct {
		host, rule string
		unlisted   bool
	}{
		{"site00001.example", "gambling/list/bets", false},
		{"www.site00001.example", "gambling/list/bets", false},
		{"innocent.example", "gambling/list/bets", true},
		{"innocent.example", "gambling/innocent.example", false}, // no list
		{"innocent.example", "gambling/list/unheard-of", false},  // no such list: told as usual
		{"innocent.example", "gambling/list/empty", false},       // never fetched
		{"no host name at all", "gambling/list/bets", false},     // cannot be looked up
		{"innocent.example", "gambling/list", false},             // no list's rule
		{strings.Repeat("a", 300), "gambling/list/bets", false},  // cannot be looked up
	} {
		if got := d.Unlisted(t.Context(), seen(c.host, c.rule)); got != c.unlisted {
			t.Errorf("%.40s by %s: unlisted %v", c.host, c.rule, got)
		}
	}
	words := seen("innocent.example", "gambling/list/bets")
	words.Kind = event.Search
	if d.Unlisted(t.Context(), words) {
		t.Error("search words were looked up in a list of sites")
	}
	if unlisted, unchecked := d.Counts(); unlisted != 1 || unchecked != 4 {
		t.Errorf("counted %d unlisted and %d unchecked", unlisted, unchecked)
	}
	if log := d.log.String(); strings.Contains(log, "innocent") || strings.Contains(log, "no host name at all") {
		t.Errorf("a name came into the log: %s", log)
	}
}

// TestWhatRulesOfALostDatabaseFlagIsBelieved: they may have been made with a newer
// list than any that the restored one holds.
func TestWhatRulesOfALostDatabaseFlagIsBelieved(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 100))
	err := d.store.PublishPolicy(t.Context(), model.PolicyVersion{School: school, Epoch: 1, Serial: 4, KeyID: "k", Manifest: []byte("m"), Signature: []byte("s"), Issued: d.now, By: "dsl", Reason: "first"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		epoch, serial uint64
		unlisted      bool
	}{{1, 4, true}, {1, 5, false}, {2, 4, false}, {0, 0, true}} {
		e := seen("added-since.example", "gambling/list/bets")
		e.PolicyEpoch, e.PolicySerial = c.epoch, c.serial
		if got := d.Unlisted(t.Context(), e); got != c.unlisted {
			t.Errorf("by rules %d.%d: unlisted %v", c.epoch, c.serial, got)
		}
	}
}

// TestALaptopBackAfterHalfTermIsBelieved: it judges by a version that is kept no
// more, and a name that was on it then was really on it.
func TestALaptopBackAfterHalfTermIsBelieved(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	for i := range 10 {
		d.importText(t, "bets", numbered(i, 100+i)) // each day the first goes and another comes
		d.now = d.now.Add(24 * time.Hour)
	}
	for i := range 109 {
		if d.Unlisted(t.Context(), seen(fmt.Sprintf("www.site%05d.example", i), "gambling/list/bets")) {
			t.Errorf("site %d was on the list within ten days, and is taken for a mistake", i)
		}
	}
	if !d.Unlisted(t.Context(), seen("site00110.example", "gambling/list/bets")) {
		t.Error("a site that never was on the list is believed")
	}
	d.now = d.now.Add(lostKept)
	d.importText(t, "bets", numbered(10, 111))
	if !d.Unlisted(t.Context(), seen("site00000.example", "gambling/list/bets")) {
		t.Error("what was lost long ago is kept for ever")
	}
}

func TestG03TheLogDoesNotTellWhenSomebodyWasSeen(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 100))
	_, err := d.store.DB().ExecContext(t.Context(), `UPDATE list_chunks SET data = $1 WHERE school_id = $2`, []byte("damaged"), school)
	must(t, err)
	for range 5 {
		d.Unlisted(t.Context(), seen("zinnocent.example", "gambling/list/bets"))
	}
	if n := strings.Count(d.log.String(), "\n"); n != 1 {
		t.Errorf("five events left %d lines in the log, want one for the list", n)
	}
}

func TestADamagedListIsNoReasonToTellNobody(t *testing.T) {
	d := openDesk(t, domainsFrom("bets", never))
	d.importText(t, "bets", numbered(0, 100))
	_, err := d.store.DB().ExecContext(t.Context(), `UPDATE list_chunks SET data = $1 WHERE school_id = $2`, []byte("damaged"), school)
	must(t, err)
	if d.Unlisted(t.Context(), seen("zinnocent.example", "gambling/list/bets")) {
		t.Error("an event was dropped although its list cannot be read")
	}
	if _, unchecked := d.Counts(); unchecked != 1 {
		t.Errorf("counted %d unchecked", unchecked)
	}
}
