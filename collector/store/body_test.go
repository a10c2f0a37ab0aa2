package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"safelight/collector/model"
	"safelight/internal/event"
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

func TestWhatAVerdictRestsOnIsKept(t *testing.T) {
	s := openStore(t)
	addPupil(t, s, "pupil1")
	e := eventOf("dev-1", 1, "pupil1", event.High)
	e.Grounds = event.Grounds{
		ReadAs: "self harm", How: []string{"digits read as letters"}, Evidence: []event.Evidence{{Rule: "self-harm/sh-2", Match: "noose", Weight: 70}},
		List: "ut1-adult", Scope: "pupils of year 7", Raised: "the third within an hour", Unfiltered: true,
	}
	add(t, s, e)
	got, err := s.EventsFor(t.Context(), school, addUser(t, s, "dsl", model.DutyDSL, ""), time.Time{})
	must(t, err)
	if len(got) != 1 || !reflect.DeepEqual(got[0].Grounds, e.Grounds) {
		t.Errorf("got %+v, want %+v", got, e.Grounds)
	}
}
