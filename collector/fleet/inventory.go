package fleet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"safelight/collector/csvtext"
	"safelight/collector/model"
)

const (
	// inventoryBytes is how large an export may be: some 100,000 devices.
	inventoryBytes = 32 << 20
	// cellBytes is how long a serial number, a name or a group may be.
	cellBytes = 128
	// maxProblems is how many lines an error tells of.
	maxProblems = 20
)

// ReadInventory reads a CSV file as device management exports it: Intune, Jamf and
// Google's columns are known, and those of docs/devices.md. Sites are those that
// the school has set; others are refused. Errors say the line, the column and how
// to mend it, up to twenty at once. One wrong line and nothing is read. Of whose
// device it is nothing is kept.
func ReadInventory(file model.InventoryFile, sites []string) (model.Inventory, error) {
	r := &inventoryReader{opts: file, sites: sites, at: map[string]int{}}
	if err := r.read(file.Data); err != nil {
		return model.Inventory{}, fmt.Errorf("reading devices %s: %w", file.Name, err)
	}
	return model.Inventory{Name: file.Name, Source: r.source(), Devices: r.devices, Ignored: r.header.ignored}, nil
}

type inventoryReader struct {
	opts     model.InventoryFile
	sites    []string
	header   header
	begun    bool
	devices  []model.Issued
	at       map[string]int // where in devices, by key
	problems []error
}

func (r *inventoryReader) source() string {
	switch {
	case r.opts.Source != "":
		return r.opts.Source
	case r.header.source != "":
		return r.header.source
	}
	return "list"
}

func (r *inventoryReader) read(data []byte) error {
	if len(data) > inventoryBytes {
		return fmt.Errorf("%d bytes: want at most %d; is this the right file?", len(data), inventoryBytes)
	}
	if err := r.check(); err != nil {
		return err
	}
	text, err := csvtext.Decode(data)
	if err != nil {
		return err
	}
	lines := csv.NewReader(strings.NewReader(text))
	lines.FieldsPerRecord = -1
	lines.Comma = csvtext.Delimiter(text)
	for len(r.problems) < maxProblems {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var malformed *csv.ParseError
		if errors.As(err, &malformed) {
			r.problems = append(r.problems, fmt.Errorf("line %d: a quotation mark is out of place: quote a whole value or none of it", malformed.Line))
			break
		}
		if err != nil {
			return err
		}
		line, _ := lines.FieldPos(0)
		if err := r.line(cells); err != nil {
			r.problems = append(r.problems, fmt.Errorf("line %d%w", line, err))
			if len(r.header.columns) == 0 {
				break // nothing after it can be read
			}
		}
	}
	if len(r.problems) == maxProblems {
		r.problems = append(r.problems, errors.New("and perhaps more: these first"))
	}
	if len(r.problems) == 0 && len(r.devices) == 0 {
		return fmt.Errorf("no device in it: want a first line with %s, and a line for each device", wanted)
	}
	return errors.Join(r.problems...)
}

var sourceForm = func(r rune) bool {
	return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}

func (r *inventoryReader) check() error {
	opts := r.opts
	switch {
	case len(opts.Source) > 32 || strings.ContainsFunc(opts.Source, sourceForm):
		return fmt.Errorf("source %q: want at most 32 small letters, digits and dashes, like intune or jamf-mobile", opts.Source)
	case opts.Kind != "" && !slices.Contains(model.Kinds, opts.Kind):
		return fmt.Errorf("kind %q: want one of %s", opts.Kind, kindList())
	case opts.Site != "" && siteOf(r.sites, opts.Site) == "":
		return fmt.Errorf("site %q: there is none of that name; `site set` adds one, `site list` shows them", opts.Site)
	}
	return nil
}

func kindList() string {
	var all []string
	for _, k := range model.Kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// siteOf finds a site whatever its capitals, and returns it as it is set.
func siteOf(sites []string, site string) string {
	for _, s := range sites {
		if strings.EqualFold(s, site) {
			return s
		}
	}
	return ""
}

// line takes a line in. Errors begin with what follows "line 7".
func (r *inventoryReader) line(cells []string) error {
	if !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return nil // spreadsheets save such
	}
	if !r.begun {
		r.begun = true
		h, err := readHeader(cells)
		if err != nil {
			return fmt.Errorf(": %w", err)
		}
		r.header = h
		return nil
	}
	if len(cells) > len(r.header.columns) {
		return fmt.Errorf(": %d values under %d headings: a value with a separator in it needs quotation marks", len(cells), len(r.header.columns))
	}
	d, issued, err := r.device(cells)
	if err != nil || !issued {
		return err
	}
	// Device management keeps old records of a device that was set up anew: one
	// number is one device, and the last line says what it is.
	if i, again := r.at[d.Key]; again {
		r.devices[i] = d
		return nil
	}
	r.at[d.Key] = len(r.devices)
	r.devices = append(r.devices, d)
	return nil
}

// device reads a line; not issued: it is of a device that is retired.
func (r *inventoryReader) device(cells []string) (d model.Issued, issued bool, err error) {
	text := map[column]string{}
	where := map[column]string{}
	for i, cell := range cells {
		c := r.header.columns[i]
		cell = strings.TrimSpace(cell)
		if c == ignored || cell == "" || text[c] != "" {
			continue
		}
		text[c], where[c] = cell, fmt.Sprintf(", column %q", r.header.headings[i])
		if len(cell) > cellBytes || strings.ContainsFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return d, false, fmt.Errorf("%s: want at most %d bytes of plain text", where[c], cellBytes)
		}
	}
	if slices.Contains(retired, csvtext.Heading(text[state])) {
		return d, false, nil
	}
	d = model.Issued{Serial: model.FoldSerial(text[serial]), Name: text[name], Group: text[group]}
	switch {
	case d.Serial != "":
		d.Key = "serial:" + d.Serial
	case foldName(d.Name) != "":
		d.Key = "name:" + foldName(d.Name)
	default:
		return d, false, fmt.Errorf(": no serial number and no name: give the device one of them, or take the line out")
	}
	if d.Kind, err = r.kind(text, where); err != nil {
		return d, false, err
	}
	d.Site = siteOf(r.sites, r.opts.Site)
	if text[site] != "" {
		if d.Site = siteOf(r.sites, text[site]); d.Site == "" {
			return d, false, fmt.Errorf("%s: site %q: there is none of that name; `site set` adds one, `site list` shows them", where[site], text[site])
		}
	}
	return d, true, nil
}

// kind is what a line says it is, or what the file or the caller does of all.
func (r *inventoryReader) kind(text, where map[column]string) (model.Kind, error) {
	if text[kind]+text[system]+text[hardware] != "" {
		if text[kind] == "" && strings.EqualFold(text[system], "Android") && r.opts.Kind != "" {
			return r.opts.Kind, nil // a phone or a tablet: the export does not say
		}
		if k, ok := kindFrom(text[kind], text[hardware]); ok && text[system] == "" || ok && (k == model.KindPhone || k == model.KindTablet) {
			return k, nil
		}
		if k, ok := kindFrom(text[system]); ok {
			return k, nil
		}
		if k, ok := kindFrom(text[kind]); ok {
			return k, nil
		}
	}
	switch {
	case r.opts.Kind != "":
		return r.opts.Kind, nil
	case r.header.kind != "":
		return r.header.kind, nil
	}
	for _, c := range []column{kind, system, hardware} {
		if text[c] != "" {
			return "", fmt.Errorf("%s: %q tells no kind of device: want one of %s, or give --kind for all lines that say none", where[c], text[c], kindList())
		}
	}
	return "", fmt.Errorf(": no kind and no operating system: add a column \"kind\" with one of %s, or give --kind for all lines that say none", kindList())
}
