package policies

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
)

// Templates are the files of the folder templates, by their paths in it.
func Templates() (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, b := range Browsers {
		text, err := b.json(b.Names)
		if err != nil {
			return nil, err
		}
		all["linux/"+b.Name+".json"] = text
		if text, err = b.json(b.Private); err != nil {
			return nil, err
		}
		all["linux/"+b.Name+privateOff+".json"] = text
		all["windows/"+b.Name+".reg"] = b.reg(b.settings(false, b.Windows), false)
		all["windows/"+b.Name+privateOff+".reg"] = b.reg(b.Private, false)
		all["windows/undo/"+b.Name+".reg"] = b.reg(b.settings(true, b.Windows), true)
		all["macos/"+b.Name+".mobileconfig"] = b.mobileconfig("", "encrypted DNS and Encrypted Client Hello off", append(append(Group{}, b.Macintosh...), b.Names...))
		all["macos/"+b.Name+privateOff+".mobileconfig"] = b.mobileconfig(privateOff, "private and guest windows off", append(append(Group{}, b.Macintosh...), b.Private...))
	}
	return all, nil
}

const privateOff = "-private-off"

// json writes settings as the browser reads them on Linux.
func (b Browser) json(settings Group) ([]byte, error) {
	if b.Under != "" {
		settings = Group{{b.Under, settings}}
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	return append(text, '\n'), err
}

// reg writes a file for regedit or `reg import`, in ASCII with Windows' line ends.
// Undoing removes the same values and no others.
func (b Browser) reg(settings Group, undo bool) []byte {
	var text strings.Builder
	text.WriteString("Windows Registry Editor Version 5.00\r\n")
	var section func(key string, g Group)
	section = func(key string, g Group) {
		fmt.Fprintf(&text, "\r\n[%s]\r\n", key)
		for _, p := range g {
			if _, below := p.Value.(Group); !below {
				fmt.Fprintf(&text, "\"%s\"=%s\r\n", p.Name, registryValue(p.Value, undo))
			}
		}
		for _, p := range g {
			if below, ok := p.Value.(Group); ok {
				section(key+`\`+p.Name, below)
			}
		}
	}
	section(b.Registry, settings)
	return []byte(text.String())
}

func registryValue(v any, undo bool) string {
	if undo {
		return "-"
	}
	switch v := v.(type) {
	case bool:
		if v {
			return "dword:00000001"
		}
		return "dword:00000000"
	case int:
		return fmt.Sprintf("dword:%08x", v)
	default:
		return fmt.Sprintf("%q", v)
	}
}

// mobileconfig writes a configuration profile for the whole device, unsigned, as
// an MDM takes it.
func (b Browser) mobileconfig(variant, what string, settings Group) []byte {
	id := "school.example.safelight." + b.Name + variant
	var text bytes.Buffer
	text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`)
	payload := append(Group{
		{"PayloadType", b.Domain}, {"PayloadIdentifier", id + ".settings"}, {"PayloadUUID", uuid(id + ".settings")}, {"PayloadVersion", 1}, {"PayloadEnabled", true},
	}, settings...)
	dict(&text, "", Group{
		{"PayloadContent", []Group{payload}},
		{"PayloadDescription", b.Title + ": " + what},
		{"PayloadDisplayName", "Safelight: " + b.Title + ", " + what},
		{"PayloadIdentifier", id},
		{"PayloadOrganization", "The school"},
		{"PayloadScope", "System"},
		{"PayloadType", "Configuration"},
		{"PayloadUUID", uuid(id)},
		{"PayloadVersion", 1},
	})
	text.WriteString("</plist>\n")
	return text.Bytes()
}

func dict(text *bytes.Buffer, indent string, g Group) {
	text.WriteString(indent + "<dict>\n")
	for _, p := range g {
		fmt.Fprintf(text, "%s  <key>%s</key>\n", indent, p.Name)
		switch v := p.Value.(type) {
		case Group:
			dict(text, indent+"  ", v)
		case []Group:
			text.WriteString(indent + "  <array>\n")
			for _, each := range v {
				dict(text, indent+"    ", each)
			}
			text.WriteString(indent + "  </array>\n")
		case bool:
			fmt.Fprintf(text, "%s  <%t/>\n", indent, v)
		case int:
			fmt.Fprintf(text, "%s  <integer>%d</integer>\n", indent, v)
		default:
			text.WriteString(indent + "  <string>")
			_ = xml.EscapeText(text, []byte(fmt.Sprint(v)))
			text.WriteString("</string>\n")
		}
	}
	text.WriteString(indent + "</dict>\n")
}

// uuid makes an identifier of a name, so that a profile that is made again
// replaces itself (RFC 9562, version 8).
func uuid(name string) string {
	u := sha256.Sum256([]byte(name))
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
