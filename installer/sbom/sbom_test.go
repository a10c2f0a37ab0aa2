package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"safelight/internal/licence"
)

const tree = "../.."

// build links a program of the same parts as a release's, with the flags of
// .ci/cross, so that what that has compiled is used again.
func build(t *testing.T, which, target string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "safelight-"+which)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "grpcnotrace", "-gcflags=all=-dwarf=false", "-ldflags", "-s -w", "-o", out, strings.Replace(built[which], "safelight", ".", 1))
	cmd.Dir, cmd.Env = tree, environment(target)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the %s for %s: %v: %s", which, target, err, said)
	}
	return out
}

func environment(target string) []string {
	goos, goarch, _ := strings.Cut(target, "/")
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=")
}

func billOf(t *testing.T, which, file string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := run([]string{"-name", "safelight-" + which, "-version", "1.2.0", "-tree", tree, file}, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// linked asks the go command, and not the program, what modules it is made of.
func linked(t *testing.T, which, target string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "grpcnotrace", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", strings.Replace(built[which], "safelight", ".", 1))
	cmd.Dir, cmd.Env = tree, environment(target)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	all = slices.DeleteFunc(all, func(m string) bool { return m == "" || strings.HasPrefix(m, "safelight") })
	slices.Sort(all)
	return slices.Compact(all)
}

// A module that a bill leaves out is one that nobody looks up when a hole is
// found in it; a licence that differs from NOTICE's is wrong in one of the two.
func TestEveryModuleThatIsLinkedIsOnTheBillWithTheLicenceOfNotice(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(tree, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	schema := cycloneDX(t)
	for _, target := range []string{"linux/amd64", "windows/amd64", "darwin/arm64"} {
		for _, which := range []string{"agent", "collector", "browser-policies"} {
			if which == "browser-policies" && target != "linux/amd64" {
				continue
			}
			t.Run(which+" for "+target, func(t *testing.T) {
				bill := billOf(t, which, build(t, which, target))
				var b bom
				if err := json.Unmarshal(bill, &b); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, c := range b.Components {
					var kinds []string
					for _, l := range c.Licences {
						kinds = append(kinds, l.Licence.ID)
					}
					if c.PURL == "" || c.Name == "std" {
						if len(kinds) == 0 {
							t.Errorf("%s has no licence", c.Name)
						}
						continue
					}
					got = append(got, c.Name+" "+c.Version)
					if line := "\n- " + c.Name + " " + c.Version + ": " + strings.Join(kinds, ", ") + "\n"; !strings.Contains(string(text), line) {
						t.Errorf("NOTICE has no line %q", line)
					}
				}
				slices.Sort(got)
				if want := linked(t, which, target); !slices.Equal(got, want) {
					t.Errorf("the bill names\n%v\nand it is made of\n%v", got, want)
				}
				if len(got) < 10 && which != "browser-policies" {
					t.Errorf("only %d modules: does this test still see them?", len(got))
				}
				valid(t, schema, bill)
			})
		}
	}
}

// cycloneDX compiles the published schema. SPDX's list, to which it refers, is the
// list of licences that we know.
func cycloneDX(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	add := func(name string, doc any) {
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open("testdata/bom-1.5.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	var ids []any
	for _, k := range licence.Known() {
		ids = append(ids, k)
	}
	add("bom-1.5.schema.json", doc)
	add("spdx.schema.json", map[string]any{"type": "string", "enum": ids})
	add("jsf-0.82.schema.json", map[string]any{"definitions": map[string]any{"signature": map[string]any{"not": map[string]any{}}}})
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.5.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, schema *jsonschema.Schema, bill []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bill))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("it is not CycloneDX 1.5: %v", err)
	}
	for old, bad := range map[string]string{`"type": "library"`: `"type": "thing"`, `"specVersion": "1.5"`: `"specification": "1.5"`, `"id": "MIT"`: `"id": "GPL"`} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(bill), old, bad, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("the schema takes %s: it sees nothing", bad)
		}
	}
}

func TestTheSameProgramGivesTheSameBill(t *testing.T) {
	file := build(t, "agent", "linux/amd64")
	t.Setenv("SOURCE_DATE_EPOCH", "1795305600")
	first, second := billOf(t, "agent", file), billOf(t, "agent", file)
	if !bytes.Equal(first, second) {
		t.Error("two bills of one program differ")
	}
	if !bytes.Contains(first, []byte(`"timestamp": "2026-11-22T00:00:00Z"`)) {
		t.Error("it does not say when")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, append(data, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	var a, b bom
	if err := errors.Join(json.Unmarshal(first, &a), json.Unmarshal(billOf(t, "agent", other), &b)); err != nil {
		t.Fatal(err)
	}
	if a.SerialNumber == b.SerialNumber || a.Metadata.Component.Hashes[0] == b.Metadata.Component.Hashes[0] {
		t.Error("two programs have one bill's number or hash")
	}
}

func TestABillOfWhatIsNotAProgramOfOursIsRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-name", "safelight-agent", self}, {"-name", "safelight-agent", text}, {"-name", "safelight-agent", text + ".none"}, {"-name", "other", self}, {"-name", "safelight-agent"},
	} {
		var out bytes.Buffer
		if err := run(args, &out); err == nil || out.Len() > 0 {
			t.Errorf("%v: %v, and it wrote %d bytes", args, err, out.Len())
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if err := run([]string{"-name", "safelight-agent", self}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("a bad time: %v", err)
	}
}
