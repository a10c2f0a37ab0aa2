package macos

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readPlist reads an XML property list as its document type has it, and refuses
// what that does not know.
func readPlist(text []byte) (any, error) {
	if !strings.Contains(string(text), `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN"`) {
		return nil, errors.New("it does not say what document type it is of")
	}
	d := xml.NewDecoder(strings.NewReader(string(text)))
	root, err := next(d)
	if err != nil || root == nil || root.Name.Local != "plist" || len(root.Attr) != 1 || root.Attr[0].Value != "1.0" {
		return nil, fmt.Errorf("it is no plist of version 1.0: %w", err)
	}
	first, err := next(d)
	if err != nil || first == nil {
		return nil, fmt.Errorf("it is empty: %w", err)
	}
	value, err := readValue(d, first)
	if err != nil {
		return nil, err
	}
	if more, err := next(d); err != nil || more != nil {
		return nil, fmt.Errorf("there is more than one value: %w", err)
	}
	if more, err := next(d); more != nil || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("there is something behind it: %w", err)
	}
	return value, nil
}

// next is the next element; nil at the end of the one it is in. Text between them
// must be blank.
func next(d *xml.Decoder) (*xml.StartElement, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			return &e, nil
		case xml.EndElement:
			return nil, nil //nolint:nilnil // the end of the element is an answer
		case xml.CharData:
			if strings.TrimSpace(string(e)) != "" {
				return nil, fmt.Errorf("%q stands between elements", e)
			}
		}
	}
}

func readValue(d *xml.Decoder, e *xml.StartElement) (any, error) {
	switch e.Name.Local {
	case "dict":
		return readDict(d)
	case "array":
		all := []any{}
		for {
			e, err := next(d)
			if err != nil || e == nil {
				return all, err
			}
			v, err := readValue(d, e)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	case "true", "false":
		end, err := next(d)
		if err != nil || end != nil {
			return nil, fmt.Errorf("<%s> holds something: %w", e.Name.Local, err)
		}
		return e.Name.Local == "true", nil
	case "string":
		var s string
		err := d.DecodeElement(&s, e)
		return s, err
	case "integer":
		var n int
		err := d.DecodeElement(&n, e)
		return n, err
	}
	return nil, fmt.Errorf("<%s> has no place in it", e.Name.Local)
}

func readDict(d *xml.Decoder) (map[string]any, error) {
	dict := map[string]any{}
	for {
		e, err := next(d)
		if err != nil || e == nil {
			return dict, err
		}
		var key string
		if e.Name.Local != "key" {
			return nil, fmt.Errorf("<%s> stands where a key has to", e.Name.Local)
		}
		if err := d.DecodeElement(&key, e); err != nil {
			return nil, err
		}
		if _, twice := dict[key]; twice || key == "" {
			return nil, fmt.Errorf("key %q stands there twice, or is none", key)
		}
		if e, err = next(d); err != nil || e == nil {
			return nil, fmt.Errorf("key %q is without a value: %w", key, err)
		}
		if dict[key], err = readValue(d, e); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
}

func plist(t *testing.T, path string) map[string]any {
	t.Helper()
	v, err := readPlist(read(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	dict, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s holds no dictionary", path)
	}
	return dict
}

func TestTheServicesRunWhatIsInstalledAndComeBack(t *testing.T) {
	for name, program := range map[string]string{"safelight-agent": "safelight-agent", "safelight-agent-profile": "take-profile"} {
		p := plist(t, name+".plist")
		args, _ := p["ProgramArguments"].([]any)
		if p["Label"] != name || p["RunAtLoad"] != true || len(args) == 0 || args[0] != "/"+support+"bin/"+program {
			t.Errorf("%s: %v", name, p)
		}
		if _, packed := laid[strings.TrimPrefix(fmt.Sprint(args[0]), "/")]; !packed {
			t.Errorf("%s runs %v, which is not packed", name, args[0])
		}
		if p["Umask"] != 0o77 {
			t.Errorf("%s leaves files that others may read: umask %v", name, p["Umask"])
		}
	}
	agent := plist(t, "safelight-agent.plist")
	if agent["KeepAlive"] != true {
		t.Error("the agent does not come back")
	}
	args, _ := agent["ProgramArguments"].([]any)
	for _, want := range []any{"run", "--enrol-file", "/" + support + "enrol.conf", "/" + support + "agent.yaml"} {
		if !slices.Contains(args, want) {
			t.Errorf("the agent is run without %v: %v", want, args)
		}
	}
}

func TestTheNoticeInApplicationsIsAnApp(t *testing.T) {
	p := plist(t, "about/Info.plist")
	if p["CFBundleExecutable"] != "about" || p["CFBundlePackageType"] != "APPL" || p["CFBundleIdentifier"] == "" {
		t.Errorf("%v", p)
	}
	if _, packed := laid[notice+"MacOS/about"]; !packed || !strings.Contains(string(read(t, "about/about")), "/"+support+`bin/safelight-agent" about --open`) {
		t.Error("it does not run what is installed")
	}
}

func TestEachProfileIsWellFormedAndForTheWholeMac(t *testing.T) {
	files, err := filepath.Glob("profiles/*.mobileconfig")
	if err != nil || len(files) != 5 {
		t.Fatalf("found %v: %v", files, err)
	}
	seen := map[any]string{}
	kinds := map[any]map[string]any{}
	for _, path := range files {
		p := plist(t, path)
		if p["PayloadType"] != "Configuration" || p["PayloadScope"] != "System" || p["PayloadVersion"] != 1 {
			t.Errorf("%s: %v %v %v", path, p["PayloadType"], p["PayloadScope"], p["PayloadVersion"])
		}
		content, _ := p["PayloadContent"].([]any)
		if len(content) != 1 {
			t.Fatalf("%s holds %d payloads", path, len(content))
		}
		payload, _ := content[0].(map[string]any)
		kinds[payload["PayloadType"]] = payload
		for _, one := range []map[string]any{p, payload} {
			for _, key := range []string{"PayloadUUID", "PayloadIdentifier"} {
				id, _ := one[key].(string)
				if id == "" || seen[id] != "" {
					t.Errorf("%s: %s %q is missing, or that of %s too", path, key, id, seen[id])
				}
				seen[id] = path
			}
			if one["PayloadVersion"] != 1 {
				t.Errorf("%s: a payload without a version", path)
			}
		}
	}
	if s := kinds["safelight.agent"]; s["token"] == nil || s["collector"] == nil {
		t.Errorf("enrolment: %v", s)
	}
	if s := kinds["com.apple.loginwindow"]; s["LoginwindowText"] == nil {
		t.Errorf("notice: %v", s)
	}
	rules, _ := kinds["com.apple.servicemanagement"]["Rules"].([]any)
	rule, _ := rules[0].(map[string]any)
	if len(rules) != 1 || rule["RuleType"] != "LabelPrefix" || rule["RuleValue"] != "safelight-agent" {
		t.Errorf("background: %v", rules)
	}
	if kinds["com.apple.applicationaccess"]["allowCloudPrivateRelay"] != false {
		t.Error("private-relay does not switch it off")
	}
	services, _ := kinds["com.apple.TCC.configuration-profile-policy"]["Services"].(map[string]any)
	if all, _ := services["SystemPolicyAllFiles"].([]any); len(all) != 1 || len(services) != 1 {
		t.Errorf("files asks for %v, want full disk access alone", services)
	}
}

// The reader must refuse what is wrong, or it proves nothing.
func TestAPropertyListThatIsWrongIsRefused(t *testing.T) {
	whole := string(read(t, "safelight-agent.plist"))
	for what, wrong := range map[string]string{
		"no end":              strings.TrimSuffix(whole, "</plist>\n"),
		"two keys":            strings.Replace(whole, "<true/>", "<key>x</key>", 1),
		"a value without key": strings.Replace(whole, "<key>Label</key>", "", 1),
		"another element":     strings.Replace(whole, "<true/>", "<yes/>", 1),
		"text in between":     strings.Replace(whole, "<true/>", "yes", 1),
		"twice the same key":  strings.Replace(whole, "<key>KeepAlive</key>", "<key>RunAtLoad</key>", 1),
		"no document type":    strings.Replace(whole, "<!DOCTYPE plist PUBLIC", "<!DOCTYPE other", 1),
		"no number":           strings.Replace(whole, "<integer>2<", "<integer>two<", 1),
		"another version":     strings.Replace(whole, `version="1.0">`, `version="2.0">`, 1),
	} {
		if _, err := readPlist([]byte(wrong)); err == nil || wrong == whole {
			t.Errorf("%s: read all the same", what)
		}
	}
}
