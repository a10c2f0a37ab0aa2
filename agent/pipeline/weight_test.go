package pipeline

import (
	"strings"
	"testing"

	"safelight/internal/event"
	"safelight/internal/rules"
)

// category is a pack's file with programs alone.
func category(id, more, severity, action, programs string) []byte {
	first, _, _ := strings.Cut(strings.Trim(programs, "[]"), ",")
	return []byte("category: " + id + "\ntitle: " + id + "\nnoun: " + id + "\nabout: Programs made up for tests.\npurpose: safeguarding\nseverity: " + severity +
		"\nowner: Designated Safeguarding Lead\nwhy: Somebody has to notice.\n" + more + "\naction: {" + action + "}\nprograms: " + programs +
		"\nfirst_steps: [See the pupil in person.]\ntests:\n  hit: [{process: " + first + "}]\n  miss: [{process: homework.py}]\n")
}

const everybody = "pupil: alert, adult-learner: alert, staff: alert, contractor: alert, volunteer: alert, governor: alert, visitor: alert, head: alert"

func programSet(t *testing.T) *rules.Ruleset {
	t.Helper()
	set, err := rules.Compile(map[string][]byte{
		"protected/pack.yaml":  []byte("pack: protected\ntitle: What no rule may flag\nversion: 1\n"),
		"protected/help.yaml":  []byte("protected: help\ntitle: Help\nwhy: Looking for help is no harm.\ndomains: [nhs.uk]\n"),
		"starter/pack.yaml":    []byte("pack: starter\ntitle: Test pack\nversion: 1\n"),
		"starter/tools.yaml":   category("tools", "risk: ordinary", "high", "pupil: note", "[java, wine, python3]"),
		"starter/games.yaml":   category("games", "risk: ordinary", "low", "pupil: alert", "[launcher]"),
		"starter/minor.yaml":   category("minor", "risk: ordinary", "medium", "pupil: alert", "[minor.py, electron]"),
		"starter/grave.yaml":   category("grave", "risk: life", "urgent", "pupil: alert", "[grave.jar, grave.exe, grave.py, org.invented.grave]"),
		"starter/illegal.yaml": category("illegal-content", "risk: high\nlocked: true", "urgent", everybody, "[illegal.py, org.invented.illegal]"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A note or an exemption of an interpreter or a launcher hides nothing that it
// runs (G1), and of several findings the gravest is told.
func TestG1AProgramIsJudgedByAllItsNamesAndTheGravestIsTold(t *testing.T) {
	set := programSet(t)
	for _, c := range []struct {
		name   string
		origin event.Origin
		want   string
	}{
		{"java", event.Origin{}, "note tools"},
		{"java", event.Origin{Script: "/opt/grave.jar"}, "flag grave"},
		{"java", event.Origin{Script: "/opt/homework.jar"}, "note tools"},
		{"wine", event.Origin{Script: `C:\games\grave.exe`}, "flag grave"},
		{"python3", event.Origin{Script: "~/minor.py"}, "flag minor"},
		{"python3", event.Origin{Script: "~/illegal.py"}, "flag illegal-content"},
		{"launcher", event.Origin{}, "exempt games"},
		{"launcher", event.Origin{App: "flatpak:org.invented.grave"}, "flag grave"},
		{"electron", event.Origin{App: "flatpak:org.invented.grave"}, "flag grave"},
		{"electron", event.Origin{App: "flatpak:org.invented.illegal"}, "flag illegal-content"},
		{"launcher", event.Origin{Script: "~/minor.py", App: "snap:org.invented.grave"}, "flag grave"},
		{"launcher", event.Origin{Script: "~/grave.py", App: "snap:org.invented.illegal"}, "flag illegal-content"},
		{"launcher", event.Origin{Script: "~/illegal.py", App: "snap:org.invented.grave"}, "flag illegal-content"},
		{"sh", event.Origin{Script: "~/homework.sh"}, "none "},
	} {
		o := event.Observation{Kind: event.Process, Name: c.name, Exe: "/usr/bin/" + c.name, Origin: c.origin}
		v := verdict(set, rules.Input{Kind: o.Kind, Text: o.Name, Exe: o.Exe, Role: "pupil", Exempt: []string{"games"}}, o)
		if got := string(v.Decision) + " " + v.Category; got != c.want {
			t.Errorf("%s with %+v: %s, want %s", c.name, c.origin, got, c.want)
		}
	}
}
