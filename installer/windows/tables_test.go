package windows

import (
	"crypto/sha1" // how Windows numbers a service's account
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// What Windows Installer hides from its log, and passes on from a user's command
// line to the part of it that runs as the system.
func TestATokenIsHiddenAndPropertiesReachTheSystem(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		properties := by(t, path, "Property", "Property", "Value")
		secure := strings.Split(properties["SecureCustomProperties"], ";")
		want, hidden := []string{"PURGE"}, ""
		if which == "agent" {
			want, hidden = []string{"COLLECTOR", "ENROLFILE", "PURGE", "TOKEN"}, "TOKEN"
		}
		for _, p := range want {
			if !slices.Contains(secure, p) {
				t.Errorf("%s is not in SecureCustomProperties: %v", p, secure)
			}
			if v, there := properties[p]; there {
				t.Errorf("%s has a value of its own: %q", p, v)
			}
		}
		if properties["MsiHiddenProperties"] != hidden {
			t.Errorf("hidden are %q", properties["MsiHiddenProperties"])
		}
		// Two tables may use the token: one writes it into the closed folder.
		for _, name := range strings.Fields(msiinfo(t, "tables", path)) {
			for _, row := range table(t, path, name) {
				if text := fmt.Sprint(row); name != "IniFile" && strings.Contains(text, "[TOKEN]") {
					t.Errorf("table %s tells the token: %s", name, text)
				}
			}
		}
		// A search at installing would put what it finds over what was asked for.
		if found := append(table(t, path, "AppSearch"), table(t, path, "RegLocator")...); len(found) > 0 {
			t.Errorf("it searches for %v", found)
		}
	})
}

func TestAnUpgradeLeavesEnrolmentAloneAndARepairDoesNotBlankIt(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		if which != "agent" {
			return
		}
		when := by(t, path, "InstallExecuteSequence", "Action", "Condition")
		if when["WriteIniValues"] != "TOKEN OR COLLECTOR" || when["MoveFiles"] != "ENROLFILE" || when["RemoveIniValues"] != "" {
			t.Errorf("it writes when %q, copies when %q", when["WriteIniValues"], when["MoveFiles"])
		}
		components := table(t, path, "Component")
		for name, condition := range map[string]string{"EnrolToken": "TOKEN", "EnrolCollector": "COLLECTOR", "EnrolFile": "ENROLFILE"} {
			i := slices.IndexFunc(components, func(row map[string]string) bool { return row["Component"] == name })
			// 16: it stays when the product goes, an old version's too. 256: 64 bits.
			if c := components[max(i, 0)]; i < 0 || c["Condition"] != condition || c["Attributes"] != "272" || c["Directory_"] != "StateFolder" {
				t.Errorf("component %s is %v", name, c)
			}
		}
		for _, row := range table(t, path, "IniFile") {
			key := row["Key"]
			if row["FileName"] != "enrol.con|enrol.conf" || row["DirProperty"] != "StateFolder" || row["Action"] != "0" || row["Value"] != "["+strings.ToUpper(key)+"]" {
				t.Errorf("%s is written by %v", key, row)
			}
		}
		if moves := table(t, path, "MoveFile"); len(moves) != 1 || moves[0]["SourceFolder"] != "ENROLFILE" || moves[0]["SourceName"] != "" ||
			moves[0]["DestFolder"] != "StateFolder" || moves[0]["DestName"] != "enrol.con|enrol.conf" || moves[0]["Options"] != "0" {
			t.Errorf("the file is copied by %v", moves)
		}
	})
}

func TestTheServiceIsAsSmallAsItCanBeAndComesBack(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		name := "safelight-" + which
		account, arguments := "LocalSystem", `run --service --log-file "[StateFolder]agent.log" --enrol-file "[StateFolder]enrol.conf"`
		privileges := "SeChangeNotifyPrivilege[~]SeDebugPrivilege"
		if which == "collector" {
			account, arguments = `NT SERVICE\safelight-collector`, `serve --service --init --log-file "[StateFolder]collector.log"`
			privileges = "SeChangeNotifyPrivilege"
		}
		services := table(t, path, "ServiceInstall")
		if len(services) != 1 {
			t.Fatalf("services are %v", services)
		}
		// A process of its own (16), at the machine's start (2), and no installing without it.
		for column, want := range map[string]string{
			"Name": name, "ServiceType": "16", "StartType": "2", "ErrorControl": strconv.Itoa(0x8001), "StartName": account, "Password": "", "Arguments": arguments,
		} {
			if got := services[0][column]; got != want {
				t.Errorf("%s is %q, want %q", column, got, want)
			}
		}
		if got := by(t, path, "MsiServiceConfig", "ConfigType", "Argument"); !maps.Equal(got, map[string]string{"3": "0", "4": "1", "5": "1", "6": privileges}) {
			t.Errorf("the service is configured as %v", got)
		}
		// Start and stop at installing, stop and delete at uninstalling.
		if control := table(t, path, "ServiceControl"); len(control) != 1 || control[0]["Event"] != strconv.Itoa(1|2|32|128) || control[0]["Wait"] != "1" {
			t.Errorf("the service is controlled by %v", control)
		}
	})
}

// Of actions that restart a service Windows Installer's own table makes nothing but
// error 1939 (access denied) and a rollback: the package would install nowhere. So
// the service control manager's tool sets them, before the service starts.
func TestRecoveryIsSetWithoutTheTableThatMakesInstallingFail(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		if strings.Contains(" "+strings.Join(strings.Fields(msiinfo(t, "tables", path)), " ")+" ", " MsiServiceConfigFailureActions ") {
			t.Error("it has the table MsiServiceConfigFailureActions")
		}
		want := `"[System64Folder]sc.exe" failure safelight-` + which + ` reset= 86400 actions= restart/2000/restart/2000/restart/10000`
		if got := by(t, path, "CustomAction", "Action", "Target")["Recovery"]; got != want {
			t.Errorf("recovery is set by %s, want %s", got, want)
		}
		if got := by(t, path, "InstallExecuteSequence", "Action", "Condition")["Recovery"]; got != `NOT REMOVE="ALL"` {
			t.Errorf("it is set when %s", got)
		}
	})
}

func TestNobodyButTheSystemAdministratorsAndTheServiceEntersTheState(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		const closed, everybody = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "(A;OICI;0x1200a9;;;BU)"
		want := map[string]string{"RootFolder": closed + everybody, "StateFolder": closed, "PublicFolder": closed + everybody}
		if which == "collector" {
			want["StateFolder"] = closed + "(A;OICI;FA;;;" + serviceSID("safelight-collector") + ")"
			delete(want, "PublicFolder")
		}
		if got := by(t, path, "MsiLockPermissionsEx", "LockObject", "SDDLText"); !maps.Equal(got, want) {
			t.Errorf("folders are open to %v, want %v", got, want)
		}
		made := by(t, path, "CreateFolder", "Directory_", "Component_")
		for _, row := range table(t, path, "MsiLockPermissionsEx") {
			if _, there := made[row["LockObject"]]; !there || row["Table"] != "CreateFolder" || row["Condition"] != "" {
				t.Errorf("%v locks nothing, or not always", row)
			}
		}
	})
}

// serviceSID is the account of a service: the SHA-1 of its name in capitals
// ([MS-DTYP] 2.4.2.4, S-1-5-80).
func serviceSID(name string) string {
	var wide []byte
	for _, unit := range utf16.Encode([]rune(strings.ToUpper(name))) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	sum, sid := sha1.Sum(wide), "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}

func TestServiceAccountsAreNumberedAsWindowsDoes(t *testing.T) {
	const known = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464" // the best known one
	if got := serviceSID("TrustedInstaller"); got != known {
		t.Errorf("got %s", got)
	}
}

func TestActionsRunInOrder(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		at := map[string]int{}
		for action, number := range by(t, path, "InstallExecuteSequence", "Action", "Sequence") {
			at[action], _ = strconv.Atoi(number)
		}
		order := []string{
			"LaunchConditions", "CostFinalize", "InstallValidate", "InstallInitialize", "RemoveExistingProducts", "ProcessComponents",
			"Goodbye", "StopServices", "DeleteServices", "RemoveFiles", "Public", "Purge", "RemoveFolders", "Tidy", "CreateFolders", "MoveFiles", "InstallFiles", "CreateShortcuts",
			"WriteIniValues", "InstallServices", "MsiConfigureServices", "Recovery", "StartServices", "InstallFinalize",
		}
		if which == "collector" {
			order = slices.DeleteFunc(order, func(action string) bool {
				return slices.Contains([]string{"Goodbye", "Public", "MoveFiles", "CreateShortcuts", "WriteIniValues"}, action)
			})
		}
		for i, action := range order {
			if at[action] == 0 || i > 0 && at[action] <= at[order[i-1]] {
				t.Errorf("%s is at %d, after %s at %d", action, at[action], order[max(0, i-1)], at[order[max(0, i-1)]])
			}
		}
	})
}

func TestAnUninstallKeepsTheStateUnlessToldAndAnUpgradeAlways(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		when := by(t, path, "InstallExecuteSequence", "Action", "Condition")
		if when["Purge"] != `REMOVE="ALL" AND PURGE AND NOT UPGRADINGPRODUCTCODE` {
			t.Errorf("it purges when %q", when["Purge"])
		}
		actions := table(t, path, "CustomAction")
		// Deferred (1024), as the system (2048), failing without consequence (64).
		command := strconv.Itoa(34 | 64 | 1024 | 2048)
		want, after := map[string]string{"Purge": command, "Tidy": command, "Recovery": command}, []string{"Tidy"}
		if which == "agent" {
			want["Goodbye"], want["Public"] = strconv.Itoa(18|64|1024|2048), command
			after = append(after, "Goodbye", "Public")
		}
		for _, action := range after {
			if when[action] != `REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE` {
				t.Errorf("%s is done when %q", action, when[action])
			}
		}
		if got := by(t, path, "CustomAction", "Action", "Type"); !maps.Equal(got, want) {
			t.Errorf("actions of its own are %v, want %v", actions, want)
		}
		targets := map[string]string{
			"Purge": `"[System64Folder]cmd.exe" /c rd /s /q "[StateFolder]"`, "Tidy": `"[System64Folder]cmd.exe" /c rd "[CompanyFolder]" & rd "[RootFolder]"`,
		}
		if which == "agent" {
			targets["Public"], targets["Goodbye"] = `"[System64Folder]cmd.exe" /c rd /s /q "[PublicFolder]"`, "goodbye --reason removed"
		}
		got := by(t, path, "CustomAction", "Action", "Target")
		delete(got, "Recovery")
		if !maps.Equal(got, targets) {
			t.Errorf("it purges by %v, want %v", got, targets)
		}
		for _, row := range actions { // no program can remove the folder it runs in
			if row["Action"] != "Goodbye" && row["Source"] != "ProgramFiles64Folder" {
				t.Errorf("%s runs in %s", row["Action"], row["Source"])
			}
		}
		if rows := table(t, path, "RemoveFile"); len(rows) > 0 {
			t.Errorf("uninstalling removes %v", rows)
		}
	})
}

func TestAnOlderVersionIsRefusedAndTheSameOrANewerReplaces(t *testing.T) {
	each(t, func(t *testing.T, _, path string) {
		upgrades := map[string]map[string]string{}
		for _, row := range table(t, path, "Upgrade") {
			upgrades[row["ActionProperty"]] = row
		}
		older, newer := upgrades["WIX_UPGRADE_DETECTED"], upgrades["WIX_DOWNGRADE_DETECTED"]
		// Up to and with this one (512), of which features are kept (1); found only (2).
		if older["VersionMin"] != "" || older["VersionMax"] != version || older["Attributes"] != "513" {
			t.Errorf("it replaces %v", older)
		}
		if newer["VersionMin"] != version || newer["VersionMax"] != "" || newer["Attributes"] != "2" {
			t.Errorf("it finds %v", newer)
		}
		conditions := by(t, path, "LaunchCondition", "Condition", "Description")
		if said := conditions["NOT WIX_DOWNGRADE_DETECTED"]; !strings.Contains(said, "newer version") {
			t.Errorf("it asks for %v", conditions)
		}
		properties := by(t, path, "Property", "Property", "Value")
		if properties["ALLUSERS"] != "1" || properties["REINSTALLMODE"] != "amus" || properties["ProductVersion"] != version {
			t.Errorf("properties are %v", properties)
		}
		if upgrade := properties["UpgradeCode"]; upgrade != older["UpgradeCode"] || upgrade != newer["UpgradeCode"] {
			t.Errorf("it is %s and looks for %s and %s", upgrade, older["UpgradeCode"], newer["UpgradeCode"])
		}
	})
}

// Monitoring is never silent (D20): no property keeps the notice away.
func TestTheNoticeIsAlwaysInTheStartMenu(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		shortcuts := table(t, path, "Shortcut")
		if which == "collector" {
			if len(shortcuts) != 0 {
				t.Errorf("a server's start menu gets %v", shortcuts)
			}
			return
		}
		if len(shortcuts) != 1 || shortcuts[0]["Directory_"] != "ProgramMenuFolder" || shortcuts[0]["Name"] != "Safelight - what this device records" ||
			shortcuts[0]["Target"] != "[ProgramFolder]safelight-agent.exe" || shortcuts[0]["Arguments"] != "about --open" {
			t.Fatalf("the start menu gets %v", shortcuts)
		}
		if condition := by(t, path, "Component", "Component", "Condition")[shortcuts[0]["Component_"]]; condition != "" {
			t.Errorf("it is left out unless %s", condition)
		}
		if condition := by(t, path, "InstallExecuteSequence", "Action", "Condition")["CreateShortcuts"]; condition != "" {
			t.Errorf("no shortcut is made unless %s", condition)
		}
		for _, feature := range table(t, path, "Feature") {
			if feature["Level"] != "1" || feature["Feature_Parent"] != "" {
				t.Errorf("a feature can be left out: %v", feature)
			}
		}
	})
}

func TestAPackageHoldsTheProgramAndItsPapersAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, which, path string) {
		got := slices.Sorted(maps.Values(by(t, path, "File", "File", "FileName")))
		if want := []string{"LICENSE.txt", "NOTICE.txt", "README.txt", "safelight-" + which + ".exe"}; !slices.Equal(got, want) {
			t.Errorf("it holds %v, want %v", got, want)
		}
		want := "Template: x64;1033\n"
		if strings.HasSuffix(path, "arm64.msi") {
			want = "Template: Arm64;1033\n"
		}
		if said := msiinfo(t, "suminfo", path); !strings.Contains(said, want) || !strings.Contains(said, "Version: 500 ") {
			t.Errorf("its summary is %s, want %s", said, want)
		}
		// Who removes a product must not be able to say, by a word too many, which folder.
		for id := range by(t, path, "Directory", "Directory", "DefaultDir") {
			if id == strings.ToUpper(id) && id != "TARGETDIR" {
				t.Errorf("folder %s can be set on the command line", id)
			}
		}
		components := table(t, path, "Component")
		for _, c := range components {
			if bits, err := strconv.Atoi(c["Attributes"]); err != nil || bits&256 == 0 {
				t.Errorf("component %s is of 32 bits: %v", c["Component"], c)
			}
		}
		if ids := by(t, path, "Component", "ComponentId", "Component"); len(ids) != len(components) {
			t.Errorf("two components have one number: %v", components)
		}
	})
}
