package fleet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"safelight/collector/csvtext"
	"safelight/collector/model"
)

// column is what a column of an export says.
type column int

const (
	ignored column = iota // kept nowhere: whose device it is, above all
	serial
	name
	kind
	system
	hardware // the model's name
	site
	group
	state
)

const wanted = "serial number or device name, and the kind or the operating system (and site, group, model, status)"

// aliases are the headings by which device management exports the columns, as
// csvtext.Heading writes them.
var aliases = map[column][]string{
	serial:   {"serial", "serialnumber", "serialno", "deviceserialnumber", "servicetag"},
	name:     {"name", "devicename", "hostname", "computername", "displayname", "machinename", "assettag", "assetid", "annotatedassetid"},
	kind:     {"kind", "devicekind", "devicetype", "type", "formfactor"},
	system:   {"os", "operatingsystem", "platform", "ostype", "osname", "deviceplatform"},
	hardware: {"model", "devicemodel", "modelname", "modelidentifier"},
	site:     {"site", "campus", "schoolsite"},
	group: {
		"group", "devicegroup", "category", "devicecategory", "department", "building", "room", "location", "annotatedlocation",
		"orgunitpath", "organizationalunit", "orgunit", "ou", "trolley",
	},
	state: {"status", "devicestate", "provisionstatus", "provisioningstatus"},
}

var columnOf = func() map[string]column {
	all := map[string]column{}
	for c, names := range aliases {
		for _, n := range names {
			all[n] = c
		}
	}
	return all
}()

// marks are headings that tell whose export it is.
var marks = []struct {
	source, heading string
	kind            model.Kind // of its lines where nothing else says one
}{
	{"google", "orgunitpath", model.KindChromebook},
	{"google", "annotatedassetid", model.KindChromebook},
	{"jamf", "computername", model.KindMac},
	{"jamf", "jamfbinaryversion", model.KindMac},
	{"intune", "primaryuserupn", ""},
	{"intune", "compliance", ""},
	{"intune", "managedby", ""},
}

// header is an export's first line.
type header struct {
	columns  []column
	headings []string
	ignored  []string
	source   string     // "" where nothing tells it
	kind     model.Kind // of lines that say none
}

func readHeader(cells []string) (header, error) {
	h := header{}
	seen := map[column]string{}
	for _, cell := range cells {
		cell = strings.TrimSpace(cell)
		heading := csvtext.Heading(cell)
		c := columnOf[heading]
		if first, twice := seen[c]; twice && c == serial {
			return h, fmt.Errorf("the columns %q and %q say the same: remove one of them", first, cell)
		} else if twice && c != ignored && c != group {
			c = ignored // the first of them counts
		}
		if c == ignored && cell != "" {
			h.ignored = append(h.ignored, cell)
		}
		seen[c] = cell
		h.columns, h.headings = append(h.columns, c), append(h.headings, cell)
		for _, m := range marks {
			if heading == m.heading && h.source == "" {
				h.source, h.kind = m.source, m.kind
			}
		}
	}
	_, byNumber := seen[serial]
	if _, byName := seen[name]; !byNumber && !byName {
		return h, fmt.Errorf("it names no column of serial numbers or device names: want a first line with %s, as device management exports it", wanted)
	}
	return h, nil
}

// kindWords tell kinds by how a word of a system or a kind begins, or with a full
// stop by the whole word, in this order.
var kindWords = []struct {
	kind  model.Kind
	words []string
}{
	{model.KindPhone, []string{"iphone", "phone", "smartphone", "handset"}},
	{model.KindTablet, []string{"ipad", "tablet"}},
	{model.KindChromebook, []string{"chrome"}},
	{model.KindWindows, []string{"windows", "win10", "win11"}},
	{model.KindMac, []string{"macos", "macbook", "macmini", "macpro", "mac.", "imac", "osx.", "darwin"}},
	{model.KindTablet, []string{"ios.", "android", "fireos"}},
	{model.KindLinux, []string{"linux", "ubuntu", "debian", "fedora"}},
	{model.KindGuest, []string{"guest"}},
	{model.KindOther, []string{"other."}},
}

// kindFrom reads a kind from what a line says of it.
func kindFrom(texts ...string) (model.Kind, bool) {
	words := strings.FieldsFunc(strings.ToLower(strings.Join(texts, " ")), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, k := range kindWords {
		for _, want := range k.words {
			whole, exact := strings.CutSuffix(want, ".")
			if slices.ContainsFunc(words, func(w string) bool { return w == whole || !exact && strings.HasPrefix(w, whole) }) {
				return k.kind, true
			}
		}
	}
	return "", false
}

// retired are the states in which a device is issued no more.
var retired = []string{"deprovisioned", "retired", "disposed", "wiped", "retirepending", "wipepending"}
