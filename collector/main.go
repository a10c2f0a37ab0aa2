// Command safelight-collector is the school's server: it takes what devices
// flagged, tells the right person, and keeps the record. This file is a door;
// the rooms are beside it.
package main

import (
	"os"
	_ "time/tzdata" // the school's clock, also where the system has no zones (Windows)

	"safelight/internal/cli"
)

func main() {
	os.Exit(cli.Main("safelight-collector", "Safelight collector: takes what devices flagged, tells the right person, keeps the record.", verbs()))
}

func verbs() []cli.Command {
	return []cli.Command{
		initVerb(), serveVerb(),
		tokenCreateVerb(), tokenListVerb(), tokenEndVerb(), deviceListVerb(), deviceRevokeVerb(), deviceImportVerb(), deviceExpectVerb(), deviceSplitVerb(), coverageVerb(),
		userAddVerb(), userListVerb(), userDisableVerb(), rosterImportVerb(),
		timetableImportVerb(), siteListVerb(), siteSetVerb(), exemptionGrantVerb(), exemptionListVerb(), exemptionEndVerb(),
		checkListVerb(), checkRecordVerb(), checkSignVerb(), checkRequestVerb(),
		keyRotateVerb(),
		listsVerb(), listsRefreshVerb(), listsImportVerb(), listsAcceptVerb(),
		rulesCheckVerb(), rulesSchemaVerb(), rulesUnpackVerb(), rulesProposeVerb(), rulesProposalsVerb(), rulesWithdrawVerb(), rulesPublishVerb(), rulesRollbackVerb(),
		rulesHistoryVerb(), rulesShowVerb(), rulesDiffVerb(),
		rulesExplainVerb(), rulesTryVerb(), rulesTrialsVerb(), rulesPrecisionVerb(), rulesSuggestionsVerb(),
		eventsVerb(), alertsVerb(),
		subjectEraseVerb(), keyringExportVerb(),
		backupVerb(), restoreVerb(), retentionRunVerb(),
		auditVerifyVerb(), auditExportVerb(), auditEraseVerb(), auditAcceptVerb(),
		serviceVerb("install"), serviceVerb("uninstall"), serviceVerb("start"),
		serviceVerb("stop"), serviceVerb("restart"), serviceVerb("status"),
		versionVerb(),
	}
}
