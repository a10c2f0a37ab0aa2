package e2etest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"safelight/internal/trialschool"
)

const gamesRules = `category: games
title: Games
noun: games
about: Sites that only this test visits.
purpose: behaviour
risk: ordinary
severity: medium
owner: Designated Safeguarding Lead
why: To prove that leave begins and ends.
action: {pupil: alert}
domains: [games.example]
tests:
  hit:
    - {domain: n1.games.example}
  miss:
    - {domain: n1.plain.example}
`

// A teacher lifts games for a class; a device at work knows at once, and when it
// is over, too. What is not games is told of throughout.
func TestG16LeaveReachesADeviceAtWorkAndSoDoesItsEnd(t *testing.T) {
	s := newSchool(t)
	ctx := t.Context()
	log := filepath.Join(s.Dir, "access.log")
	check(t, os.WriteFile(log, nil, 0o600))
	collector := must[*trialschool.Program](t)(s.StartCollector(ctx))
	must[string](t)(s.AddDSL(ctx))
	roster := filepath.Join(s.Dir, "everybody.csv")
	check(t, os.WriteFile(roster, []byte("account;name;role;year;groups\ndemo.pupil;Demo Pupil;pupil;9;10B\nSCHOOL\\demo.other;Demo Other;pupil;9;10b\n"), 0o600))
	must[[]byte](t)(s.Verb(ctx, "roster", "import", roster))
	pack := writeRules(t, s.Dir, "flagged.example", "high")
	check(t, os.WriteFile(filepath.Join(pack, "games.yaml"), []byte(gamesRules), 0o600))
	check(t, s.Publish(ctx, pack))
	check(t, s.Enrol(ctx, s.AgentDir(), fmt.Sprintf("weblog: [{format: squid, path: %q}]\n", log)))
	agent := must[*trialschool.Program](t)(s.StartAgent(ctx, s.AgentDir()))
	check(t, s.UntilReady(ctx, s.AgentDir()))

	n := 0
	flagged := func() bool { // says whether games are, of a pupil whom the device knows by now
		t.Helper()
		n++
		game, marker := fmt.Sprintf("n%d.games.example", n), fmt.Sprintf("n%d.flagged.example", n)
		appendLine(t, log, game, "demo.pupil")
		appendLine(t, log, marker, "demo.pupil")
		untilStored(t, s, marker)
		<-time.After(1200 * time.Millisecond) // medium goes after high, and perhaps later
		for _, e := range must[[]stored](t)(events(ctx, s)) {
			if e.Name == game {
				return true
			}
		}
		return false
	}
	if !flagged() {
		t.Error("games are not flagged: this test proves nothing")
	}
	var given struct{ ID string }
	check(t, s.Ask(ctx, &given, "exemption", "grant", "--as", trialschool.DSLName, "--class", "10B", "--category", "games",
		"--until", time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "--reason", "Media lesson"))
	check(t, trialschool.Until(ctx, "games to be lifted", func() (bool, string) { return !flagged(), "they are flagged" }))
	must[[]byte](t)(s.Verb(ctx, "exemption", "end", given.ID, "--as", trialschool.DSLName))
	check(t, trialschool.Until(ctx, "games to be flagged again", func() (bool, string) { return flagged(), "they are not" }))
	check(t, agent.Stop())
	check(t, collector.Stop())
}
