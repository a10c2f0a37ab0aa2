package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"safelight/collector/model"
)

// awkward are texts that a hand-written JSON encoder gets wrong.
var awkward = []string{
	"", "plain", `a "quoted" name`, `C:\School\app.exe`, "tab\there", "line\nbreak", "bell\x07", "\x7f", "söme wörds", "日本", "😀",
	"\u2028\u2029", "<script>&amp;</script>", "a\x00b", "{}[],:", `\u0041`, strings.Repeat("long ", 300),
}

// fill sets every field of a struct that can hold something: texts to the next
// awkward one, numbers and truths to what n says.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(awkward[*n%len(awkward)])
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n%5-2) * 1_000_000_007)
	case reflect.Uint32:
		v.SetUint(uint64(*n % 3))
	case reflect.Bool:
		v.SetBool(*n%2 == 0)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), *n%3, *n%3))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	}
}

func TestBodyReadsAsItWasWritten(t *testing.T) {
	for seed := range 1000 {
		var want eventBody
		n := seed
		fill(reflect.ValueOf(&want).Elem(), &n)
		plain, err := json.Marshal(want)
		must(t, err)
		var e model.Event
		must(t, readBody(plain, &e))
		e.Rule = want.Rule
		body := bodyOf(&e)
		var got, same eventBody
		must(t, json.Unmarshal(body, &got))
		must(t, json.Unmarshal(plain, &same))
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", same) {
			t.Fatalf("seed %d: %s reads as\n%+v, want\n%+v", seed, body, got, same)
		}
	}
}

func TestBodyOfBrokenTextIsStillABody(t *testing.T) {
	body := bodyOf(&model.Event{Name: "cut \xe6\x97", Why: "\xff"})
	var e model.Event
	must(t, readBody(body, &e))
	if e.Name != "cut \ufffd\ufffd" && e.Name != "cut \ufffd" || e.Why != "\ufffd" {
		t.Errorf("read %q, %q", e.Name, e.Why)
	}
}
