package fleet

import (
	"fmt"
	"strings"
	"testing"

	"safelight/collector/model"
)

func readInventory(t *testing.T, opts model.InventoryFile, text string, sites ...string) model.Inventory {
	t.Helper()
	opts.Name, opts.Data = "export.csv", []byte(text)
	in, err := ReadInventory(opts, sites)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func lines(in model.Inventory) (all []string) {
	for _, d := range in.Devices {
		all = append(all, fmt.Sprintf("%s %s %s %q %q", d.Key, d.Name, d.Kind, d.Site, d.Group))
	}
	return all
}

// TestExportsOfDeviceManagementAreReadAsTheyCome: the columns that Intune, Jamf and
// Google's console write, and one made by hand. Whose device it is is kept nowhere.
func TestExportsOfDeviceManagementAreReadAsTheyCome(t *testing.T) {
	for _, c := range []struct {
		source, text string
		want         []string
		ignored      string
	}{
		{
			"intune",
			"\xef\xbb\xbfDevice ID,Device name,Managed by,Ownership,Compliance,OS,OS version,Primary user UPN,Last check-in,Serial number,Model,Category\r\n" +
				"1,LT-118,Intune,Corporate,Compliant,Windows,10.0.22631,demo@larkmoor.example,2026-11-20,5cd 118,EliteBook,Trolley B\r\n" +
				"2,IPAD-7,Intune,Corporate,Compliant,iOS,18.1,,2026-11-20,DMP7XXA,iPad (9th generation),\r\n" +
				"3,PH-1,Intune,Corporate,Compliant,iOS,18.1,,2026-11-20,F17PHONE,iPhone 13,\r\n" +
				"4,MAC-3,Intune,Corporate,Compliant,macOS,15.1,,2026-11-20,C02MAC3,MacBookAir10,Media\r\n",
			[]string{`serial:5CD118 LT-118 windows "" "Trolley B"`, `serial:DMP7XXA IPAD-7 tablet "" ""`, `serial:F17PHONE PH-1 phone "" ""`, `serial:C02MAC3 MAC-3 mac "" "Media"`},
			"Device ID, Managed by, Ownership, Compliance, OS version, Primary user UPN, Last check-in",
		},
		{
			"google",
			"deviceId;serialNumber;status;annotatedAssetId;annotatedUser;orgUnitPath;model\n" +
				"a;CHRM001;ACTIVE;CB-001;Demo Pupil 1;/Pupils/Trolley D;HP Chromebook 11\n" +
				"b;CHRM002;DEPROVISIONED;CB-002;;/Old;HP Chromebook 11\n" +
				"c;CHRM003;ACTIVE;;;/Pupils/Trolley D;Some new model\n",
			[]string{`serial:CHRM001 CB-001 chromebook "" "/Pupils/Trolley D"`, `serial:CHRM003  chromebook "" "/Pupils/Trolley D"`},
			"deviceId, annotatedUser",
		},
		{
			"jamf",
			"Computer Name\tSerial Number\tOperating System\tFull Name\tBuilding\nMAC-9\tC02ABCD\tmacOS 15.1\tDemo Teacher\tAnnexe hall\n",
			[]string{`serial:C02ABCD MAC-9 mac "" "Annexe hall"`},
			"Full Name",
		},
		{
			"list",
			"serial,name,kind,site,group\n,sci-011.larkmoor.example,linux,MAIN,Science\nTo be filled by O.E.M.,sci-012,linux,main,\n\n",
			[]string{`name:sci-011 sci-011.larkmoor.example linux "main" "Science"`, `name:sci-012 sci-012 linux "main" ""`},
			"",
		},
	} {
		in := readInventory(t, model.InventoryFile{}, c.text, "main")
		if got, want := strings.Join(lines(in), "\n"), strings.Join(c.want, "\n"); got != want || in.Source != c.source {
			t.Errorf("%s: source %s, devices\n%s\nwant\n%s", c.source, in.Source, got, want)
		}
		if got := strings.Join(in.Ignored, ", "); got != c.ignored {
			t.Errorf("%s: ignored %q, want %q", c.source, got, c.ignored)
		}
		if got := fmt.Sprintf("%+v", in.Devices); strings.Contains(got, "Demo") || strings.Contains(got, "demo@") {
			t.Errorf("%s: somebody's name is kept: %s", c.source, got)
		}
	}
}

// TestOneNumberIsOneDevice: device management keeps old records of a device that
// was set up anew, and the last one counts.
func TestOneNumberIsOneDevice(t *testing.T) {
	in := readInventory(t, model.InventoryFile{}, "serial,name,os\nAAAA1,old,Windows\nBBBB2,b,Windows\naaaa1,new,Windows\n")
	if got := strings.Join(lines(in), "; "); got != `serial:AAAA1 new windows "" ""; serial:BBBB2 b windows "" ""` {
		t.Errorf("read %s", got)
	}
}

func TestKindsAreToldByWholeWords(t *testing.T) {
	for text, want := range map[string]model.Kind{
		"Windows 11 Pro": model.KindWindows, "Mac OS X": model.KindMac, "Microsoft Virtual Machine": "", "Brother MFC": "", "iOS/iPadOS": model.KindTablet,
		"ChromeOS": model.KindChromebook, "Samsung phone": model.KindPhone, "Ubuntu 24.04": model.KindLinux, "curios": "",
	} {
		if got, _ := kindFrom(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWhatALineDoesNotSayIsGivenForAll(t *testing.T) {
	in := readInventory(t, model.InventoryFile{Kind: model.KindTablet, Site: "ANNEXE", Source: "jamf-mobile"}, "Serial Number,Display Name\nDMPA1,ipad-1\n", "annexe")
	if got := strings.Join(lines(in), ""); got != `serial:DMPA1 ipad-1 tablet "annexe" ""` || in.Source != "jamf-mobile" {
		t.Errorf("read %s of %s", got, in.Source)
	}
}

// TestAWrongExportSaysWhereAndHowToMendIt, and nothing of it is read.
func TestAWrongExportSaysWhereAndHowToMendIt(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "no device in it",
		"serial,name,os\n":               "no device in it",
		"LT-118,Windows\nLT-119,Windows": "line 1: it names no column of serial numbers or device names",
		"serial,name,os\nAAAA1,a,Windows\n,,Windows\n":          "line 3: no serial number and no name",
		"serial,name,os\nAAAA1,a,BeOS\n":                        `line 2, column "os": "BeOS" tells no kind of device: want one of windows`,
		"serial,name\nAAAA1,a\n":                                `line 2: no kind and no operating system: add a column "kind"`,
		"serial,os,site\nAAAA1,Windows,nowhere\n":               `line 2, column "site": site "nowhere": there is none of that name; ` + "`site set`",
		"serial,serial number,os\nAAAA1,B,Windows\n":            `line 1: the columns "serial" and "serial number" say the same`,
		"serial,os\nAAAA1,Windows,more\n":                       "line 2: 3 values under 2 headings",
		"serial,os\n\"AAAA1,Windows\n":                          "a quotation mark is out of place",
		"serial,os\n" + strings.Repeat("A", 129) + ",Windows\n": `line 2, column "serial": want at most 128 bytes`,
		"serial,name,os\nAAAA1,a\x1b[2J,Windows\n":              `line 2, column "name": want at most 128 bytes of plain text`,
		"serial,os\nAA\xff\xfeA1,Windows\n":                     "line 2: not UTF-8 text",
		"serial,os\n" + strings.Repeat("AAAA1,Nope\n", 30):      "and perhaps more: these first",
	} {
		in, err := ReadInventory(model.InventoryFile{Name: "export.csv", Data: []byte(text)}, []string{"main"})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "reading devices export.csv: ") {
			t.Errorf("%.60q: error %v, want one that says %q", text, err, want)
		}
		if len(in.Devices) != 0 {
			t.Errorf("%.60q: %d devices were read all the same", text, len(in.Devices))
		}
	}
	for _, opts := range []model.InventoryFile{{Source: "My MDM"}, {Kind: "toaster"}, {Site: "nowhere"}} {
		opts.Data = []byte("serial,os\nAAAA1,Windows\n")
		if _, err := ReadInventory(opts, []string{"main"}); err == nil {
			t.Errorf("%+v is taken", opts)
		}
	}
}

func FuzzInventory(f *testing.F) {
	f.Add([]byte("Device name,Serial number,OS\nLT-118,5CD118,Windows\n"))
	f.Add([]byte("\xff\xfes\x00e\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := ReadInventory(model.InventoryFile{Name: "x", Data: data}, nil)
		if err != nil && len(in.Devices) > 0 {
			t.Errorf("%d devices beside %v", len(in.Devices), err)
		}
		for _, d := range in.Devices {
			if d.Key == "" || d.Kind == "" {
				t.Errorf("a device without key or kind: %+v", d)
			}
		}
	})
}
