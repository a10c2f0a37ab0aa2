package packdir

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"safelight/internal/rules"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rules.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rules.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON gives YAML as the schema's library wants it.
func asJSON(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// An editor that marks a good file as wrong is switched off the same day.
func TestTheSchemaKnowsEveryFileThatShips(t *testing.T) {
	s := schema(t)
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(files, exampleFiles(t, "../../docs/rules.md"))
	maps.Copy(files, schemaExamples)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		if err := s.Validate(asJSON(t, files[name])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// schemaExamples use what no shipped file may use yet.
var schemaExamples = map[string][]byte{
	"own/pack.yaml": []byte("pack: own\ntitle: Own\nversion: 1\n"),
	"own/weapons.yaml": []byte(`category: weapons-own
title: Weapons
noun: weapons
about: Words related to weapons.
purpose: safeguarding
risk: life
severity: medium
owner: DSL
why: Somebody may be in danger.
threshold: 100
lang: en
scope: {roles: [pupil], years: [7-11], key_stages: [3, 4], groups: [10b-english], sites: [main], when: [lesson], premises: any}
phrases:
  - {id: w-001, text: buy a zombie knife, forms: [buying a zombie knife], severity: high}
  - {id: w-002, all: [noose, tie], within: 5, weight: 70}
  - {id: w-007, all: [$wanting, [noose, tie], glock], within: 5, order: true}
  - {id: w-003, text: glock, match: part, in: [search, host], weight: 60}
  - {id: w-004, text: couteau papillon, lang: fr, reviewed: none}
  - {id: w-005, text: cran d arret, lang: fr, reviewed: "a French teacher, 2026-11-22"}
  - {id: w-006, text: opinel aiguise, lang: fr, reviewed: false}
allow:
  - butter knife
  - {text: glock, near: [airsoft, game], within: 4}
domains:
  - knives.example
  - {name: swords.example, severity: low}
  - {allow: [museum.swords.example]}
  - {lookalike_of: [hill-lane.example]}
  - {list: our-list, url: "https://lists.example/weapons.txt", format: domains, licence: CC0-1.0, from: Lists, max_shrink: 20%, max_grow: 50%, refresh: 24h, severity: low}
programs:
  - knifegame.exe
  - {original_name: knifegame.exe, path: '*\Games\*', signer: Knife Games, sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", severity: low}
raise:
  - {repeats: 3, within: 1h, to: high}
  - {with: [self-harm], within: 24h, to: urgent}
tests:
  hit:
    - buy a zombie knife
    - {search: buying a zombie knife, role: pupil, year: 9, site: main}
    - {domain: knives.example}
    - {process: knifegame.exe}
  miss:
    - butter knife
    - bread knife
    - cheese board
    - {domain: museum.swords.example}
first_steps: [Speak with the pupil in person.]
`),
	"own/words.yaml":    []byte("words: own\ntitle: Our words\nwhy: One list.\nspellings: [{means: want to, typed: [wantta, 22]}]\nsets: [{set: wanting, any: [want, wish]}]\n"),
	"own/approved.yaml": []byte("approved: weapons-own\ntitle: Programs that we know\nwhy: What is not on it is new.\nowner: IT\nprograms: [word.exe, {name: calc.exe}]\n"),
}

// besideTheExamples is what the examples need, and no more: a set of rules is
// compiled for each slip.
func besideTheExamples(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return strings.HasPrefix(name, "starter/") })
	files["starter/pack.yaml"] = []byte("pack: starter\ntitle: Starter\nversion: 1\n")
	files["starter/self-harm.yaml"] = []byte(`category: self-harm
title: Self-harm
noun: self-harm
about: Words related to self-harm.
purpose: safeguarding
risk: life
severity: high
owner: DSL
why: Somebody may be in danger.
first_steps: [Speak with the pupil in person.]
tests: {hit: [], miss: [a plaster]}
`)
	return files
}

// What the schema's examples use, the parser knows, and the other way round.
func TestTheParserKnowsWhatTheSchemaKnows(t *testing.T) {
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(files, schemaExamples)
	if _, err := rules.Compile(files); err != nil {
		t.Fatal(err)
	}
}

// A slip that the schema lets through is found late; one that it alone refuses
// is a lie to the editor.
func TestTheSchemaAndTheParserRefuseTheSame(t *testing.T) {
	s := schema(t)
	beside := besideTheExamples(t)
	maps.Copy(beside, schemaExamples)
	if _, err := rules.Compile(beside); err != nil {
		t.Fatal(err) // the good file is refused, so that a refusal would say nothing
	}
	good := string(schemaExamples["own/weapons.yaml"])
	for name, swap := range map[string][2]string{
		"an unknown key":              {"threshold: 100", "treshold: 100"},
		"a review by nobody":          {`"a French teacher, 2026-11-22"`, `"2026-11-22"`},
		"a review on no day":          {`"a French teacher, 2026-11-22"`, `not yet`},
		"an unknown severity":         {"severity: medium", "severity: grave"},
		"an unknown purpose":          {"purpose: safeguarding", "purpose: control"},
		"no owner":                    {"owner: DSL\n", ""},
		"no tests":                    {"tests:", "texts:"},
		"a phrase without an id":      {"{id: w-001, text", "{text"},
		"a phrase without words":      {"id: w-002, all: [noose, tie], within: 5,", "id: w-002,"},
		"an order that is neither":    {"order: true", "order: maybe"},
		"an order of one text":        {"lang: fr, reviewed: none}", "lang: fr, reviewed: none, order: true}"},
		"a reach of one text":         {"lang: fr, reviewed: none}", "lang: fr, reviewed: none, within: 3}"},
		"a choice of nothing":         {"[noose, tie], glock", "[], glock"},
		"an unknown way to match":     {"match: part", "match: most"},
		"a context without a reach":   {"near: [airsoft, game], within: 4", "near: [airsoft, game]"},
		"a list without a licence":    {" licence: CC0-1.0,", ""},
		"a list of an unknown format": {"format: domains", "format: pdf"},
		"a list by file transfer":     {"https://lists.example", "ftp://lists.example"},
		"a bad hash":                  {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "0123"},
		"a rule about one person":     {"scope: {roles", "scope: {accounts: [a.pupil], roles"},
		"an unknown role":             {"roles: [pupil]", "roles: [parent]"},
		"premises that are neither":   {"premises: any", "premises: bus"},
		"raise without a reason":      {"repeats: 3, within", "within"},
		"raise without a reach":       {"{repeats: 3, within: 1h, to: high}", "{repeats: 3, to: high}"},
		"a test line of two kinds":    {"{domain: knives.example}", "{domain: knives.example, process: a.exe}"},
	} {
		bad := strings.Replace(good, swap[0], swap[1], 1)
		if bad == good {
			t.Fatalf("%s: the example does not hold %q", name, swap[0])
		}
		if s.Validate(asJSON(t, []byte(bad))) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		files := maps.Clone(beside)
		files["own/weapons.yaml"] = []byte(bad)
		if _, err := rules.Compile(files); err == nil {
			t.Errorf("%s: the parser takes it", name)
		} else if !strings.Contains(err.Error(), "own/weapons.yaml:") {
			t.Errorf("%s: the place is not told: %v", name, err)
		}
	}
}
