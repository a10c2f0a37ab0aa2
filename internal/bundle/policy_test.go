package bundle

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"safelight/internal/event"
	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// anything fills every exported field of a value, whatever R adds to it later,
// with something that is not its zero value.
func anything(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"a", "two words", "söme wörds", "日本", "x.invented.example", strings.Repeat("long ", 50)}[r.IntN(6)])
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1 + r.Int64N(100))
	case reflect.Uint32:
		v.SetUint(1 + r.Uint64N(1<<32-1))
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(3))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(4), 5))
		for i := range v.Len() {
			anything(r, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				anything(r, v.Field(i))
			}
		}
	default:
		panic("no value for " + v.Type().String())
	}
	if v.Type() == reflect.TypeFor[event.Severity]() {
		v.SetUint(1 + r.Uint64N(4))
	}
}

// Every field there is comes back, so that one that is added to rules.Policy and
// forgotten here is found.
func TestAPolicyComesBackAsItWas(t *testing.T) {
	for seed := range uint64(200) {
		var want rules.Policy
		anything(rand.New(rand.NewPCG(seed, 1)), reflect.ValueOf(&want).Elem())
		raw, err := encodeEngine5(&want)
		must(t, err)
		got, err := Policy(raw)
		must(t, err)
		if !reflect.DeepEqual(got, &want) {
			t.Fatalf("seed %d: got\n%+v, want\n%+v", seed, got, want)
		}
		again, err := encodeEngine5(got)
		must(t, err)
		if !bytes.Equal(again, raw) {
			t.Fatal("the same policy gives other bytes")
		}
	}
}

func TestAnEmptyPolicyComesBackEmpty(t *testing.T) {
	raw, err := encodeEngine5(&rules.Policy{})
	must(t, err)
	got, err := Policy(raw)
	must(t, err)
	if !reflect.DeepEqual(got, &rules.Policy{}) {
		t.Errorf("got %+v", got)
	}
}

func TestARuleOfNoCategoryComesBack(t *testing.T) {
	raw, err := encodeEngine5(&rules.Policy{Rules: []rules.Rule{{Category: -1}}, Raises: []rules.Raise{{With: -1}}})
	must(t, err)
	got, err := Policy(raw)
	must(t, err)
	if got.Rules[0].Category != -1 || got.Raises[0].With != -1 {
		t.Errorf("got %+v", got)
	}
}

// A line feed in a text would shift every text behind it to another rule.
func TestATextThatWouldShiftTheOthersIsRefused(t *testing.T) {
	for name, p := range map[string]rules.Policy{
		"rule":           {Rules: []rules.Rule{{ID: "a\nb"}}},
		"domain":         {Domains: []rules.NamedRule{{Name: "a\nb"}}},
		"look-alike":     {Lookalikes: []rules.NamedRule{{Name: "a\nb"}}},
		"protected site": {Protected: []string{"a\nb"}},
		"mark":           {Marks: []rules.MarkedName{{Name: "\n"}}},
		"address":        {Addresses: []rules.MarkedAddress{{Address: "\n"}}},
	} {
		if _, err := encodeEngine5(&p); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsHalfUnderstoodIsRefused(t *testing.T) {
	two := func() *safelightv1.CompiledRules {
		raw, err := encodeEngine5(&rules.Policy{
			Rules:     []rules.Rule{{ID: "a/1", Pack: "starter 3"}, {ID: "a/2"}},
			Sets:      [][]uint32{{0, 1}, {1}},
			Lists:     []rules.ListSource{{ID: "l"}},
			Protected: []string{"nhs.uk"}, Marks: []rules.MarkedName{{Name: "x.example", Mark: 1}},
			Raises:     []rules.Raise{{}},
			Categories: []rules.PolicyCategory{{Category: rules.Category{ID: "a"}}},
		})
		must(t, err)
		msg := &safelightv1.CompiledRules{}
		must(t, proto.Unmarshal(raw, msg))
		return msg
	}
	for name, c := range map[string]struct {
		spoil func(*safelightv1.CompiledRules)
		says  string
	}{
		"another format":        {func(m *safelightv1.CompiledRules) { m.Format = 9 }, "format 9"},
		"a field of later days": {func(m *safelightv1.CompiledRules) { m.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01}) }, "more than this program knows"},
		"one deeper down": {func(m *safelightv1.CompiledRules) {
			m.Lists[0].ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01})
		}, "CompiledList says more"},
		"a column cut short":           {func(m *safelightv1.CompiledRules) { m.Rules.Weight = m.Rules.Weight[:1] }, "columns of 2 and 1"},
		"an id too few":                {func(m *safelightv1.CompiledRules) { m.Rules.Id = "a/1\n" }, "rules: 1 texts"},
		"an id too many":               {func(m *safelightv1.CompiledRules) { m.Rules.Id += "x\n" }, "more texts than 2"},
		"an id without an end":         {func(m *safelightv1.CompiledRules) { m.Rules.Id = "a/1\na/2" }, "rules: 1 texts"},
		"a pack that is not there":     {func(m *safelightv1.CompiledRules) { m.Rules.Pack[0] = 99 }, "text 99 of"},
		"a set beyond the end":         {func(m *safelightv1.CompiledRules) { m.Sets.Size[0] = 1 << 31 }, "sets: one of"},
		"a set too few":                {func(m *safelightv1.CompiledRules) { m.Sets.Size = m.Sets.Size[:1] }, "are in none"},
		"a severity that is none":      {func(m *safelightv1.CompiledRules) { m.Rules.Severity[1] = 200 }, "severity 200"},
		"a category's severity":        {func(m *safelightv1.CompiledRules) { m.Categories[0].Severity = 77 }, "severity 77"},
		"a list's severity":            {func(m *safelightv1.CompiledRules) { m.Lists[0].Severity = 77 }, "severity 77"},
		"a raise to nothing":           {func(m *safelightv1.CompiledRules) { m.Raises[0].To = 77 }, "severity 77"},
		"a raise of nothing":           {func(m *safelightv1.CompiledRules) { m.Raises[0].Category = 1 << 31 }, "raise 0"},
		"a category beyond all bounds": {func(m *safelightv1.CompiledRules) { m.Rules.Category[0] = 1 << 31 }, "rule 0"},
		"a flag of later days":         {func(m *safelightv1.CompiledRules) { m.Rules.Flags[0] = 0x80 }, "flags 128"},
		"a mark of later days":         {func(m *safelightv1.CompiledRules) { m.Marks.Number[0] = 1 << 30 }, "mark 1073741824"},
		"a protected site half":        {func(m *safelightv1.CompiledRules) { m.Protected += "half" }, "protected sites"},
	} {
		msg := two()
		c.spoil(msg)
		raw, err := proto.Marshal(msg)
		must(t, err)
		if _, err := Policy(raw); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
	if _, err := Policy([]byte("\xff\xff")); err == nil || !strings.Contains(err.Error(), PolicyFile) {
		t.Errorf("noise: %v", err)
	}
}

// FuzzPolicy: whatever the bytes, an error or a policy that encodes.
func FuzzPolicy(f *testing.F) {
	for seed := range uint64(5) {
		var p rules.Policy
		anything(rand.New(rand.NewPCG(seed, 2)), reflect.ValueOf(&p).Elem())
		raw, err := encodeEngine5(&p)
		must(f, err)
		f.Add(raw)
		f.Add(raw[:len(raw)/2])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Policy(raw)
		if err != nil {
			return
		}
		again, err := encodeEngine5(p)
		must(t, err)
		same, err := Policy(again)
		must(t, err)
		if !reflect.DeepEqual(p, same) {
			t.Fatalf("it comes back as %+v, was %+v", same, p)
		}
	})
}

// What is decoded lies in memory, several times as large: too much is refused before.
func TestAPolicyFileTooLargeIsRefusedBeforeItIsDecoded(t *testing.T) {
	// A field that nobody knows, of a length that would be decoded but for its size.
	raw := append([]byte{0xfa, 0x7f}, protowire.AppendBytes(nil, make([]byte, MaxPolicy))...)
	if _, err := Policy(raw); err == nil || !strings.Contains(err.Error(), "at most 16") {
		t.Errorf("read: %v", err)
	}
	if _, err := Policy(raw[:MaxPolicy]); err == nil || strings.Contains(err.Error(), "at most 16") {
		t.Errorf("just as large as may be: %v", err)
	}
	p := &rules.Policy{Packs: []rules.Pack{{Name: strings.Repeat("x", MaxPolicy)}}}
	if _, err := EncodeParts(p, rules.Tables{}, nil); err == nil || !strings.Contains(err.Error(), "at most 16") {
		t.Errorf("made: %v", err)
	}
}
