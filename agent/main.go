// Command safelight-agent is the service on each school device: it sees which
// sites are visited and which programs start, judges them on the device, and
// sends only what a rule flagged. This file is a door; the rooms are beside it.
package main

import (
	"os"
	_ "time/tzdata" // a log's time_zone, on a system that has no zones: Windows, a small container

	"safelight/agent/selfcheck"
	"safelight/internal/cli"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == selfcheck.ProgramVerb {
		selfcheck.RunProgram(os.Stdin) // no verb of people's
		return
	}
	os.Exit(cli.Main("safelight-agent", "Safelight agent: judges on the device, sends only what a rule flagged.", verbs()))
}

func verbs() []cli.Command {
	verbs := []cli.Command{runVerb(), enrolVerb(), statusVerb(), observeVerb(), judgeVerb(), selfcheckVerb(), aboutVerb(), goodbyeVerb()}
	verbs = append(verbs, serviceVerbs()...)
	return append(verbs, versionVerb())
}
