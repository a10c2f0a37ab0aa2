package store

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"safelight/collector/model"
	"safelight/internal/event"
)

// bodyOf writes an event's eventBody in JSON, field by field: all events go
// through here, and encoding/json takes six times as long over it.
// TestBodyReadsAsItWasWritten holds the two to the same fields.
func bodyOf(e *model.Event) []byte { return appendBody(nil, e) }

func appendBody(to []byte, e *model.Event) []byte {
	w := bodyWriter{append(to, '{')}
	w.text(`"rule":`, e.Rule)
	w.text(`"pack":`, e.Pack)
	w.always(`"kind":`, string(e.Kind))
	w.always(`"name":`, e.Name)
	w.always(`"via":`, string(e.Via))
	texts(&w, `"also":`, e.Also)
	w.number(`"count":`, int64(e.Count))
	w.text(`"outcome":`, string(e.Outcome))
	w.truth(`"third_party":`, e.ThirdParty)
	w.truth(`"noise":`, e.Noise)
	w.text(`"process":`, e.Process)
	w.text(`"exe":`, e.Exe)
	w.number(`"pid":`, int64(e.PID))
	w.text(`"unknown":`, e.Unknown)
	if e.From != (event.Origin{}) {
		w.begin(`"from":`)
		w.origin(&e.From)
	}
	w.text(`"client":`, e.Client)
	w.text(`"server":`, e.Server)
	w.text(`"ip":`, e.IP)
	w.text(`"match":`, e.Match)
	w.text(`"why":`, e.Why)
	texts(&w, `"not_seen":`, e.NotSeen)
	w.truth(`"help":`, e.Help)
	w.number(`"skew_ns":`, int64(e.Skew))
	w.truth(`"unlisted":`, e.Unlisted)
	w.grounds(&e.Grounds)
	return append(w.out, '}')
}

func (w *bodyWriter) origin(o *event.Origin) {
	w.out = append(w.out, '{')
	w.number(`"ppid":`, int64(o.PPID))
	w.text(`"parent":`, o.Parent)
	w.text(`"script":`, o.Script)
	w.text(`"app":`, o.App)
	w.text(`"domain":`, o.Domain)
	w.text(`"session":`, o.Session)
	w.text(`"seat":`, o.Seat)
	w.text(`"remote":`, string(o.Remote))
	w.text(`"runs_as":`, o.RunsAs)
	w.text(`"unknown_reason":`, string(o.Reason))
	w.out = append(w.out, '}')
}

// grounds leaves the whole member out where there are none, as most events have.
func (w *bodyWriter) grounds(g *event.Grounds) {
	start := len(w.out)
	w.begin(`"grounds":`)
	w.out = append(w.out, '{')
	empty := len(w.out)
	w.text(`"read_as":`, g.ReadAs)
	texts(w, `"how":`, g.How)
	w.evidence(g.Evidence)
	w.text(`"list":`, g.List)
	w.text(`"scope":`, g.Scope)
	w.text(`"raised":`, g.Raised)
	w.truth(`"unfiltered":`, g.Unfiltered)
	if len(w.out) == empty {
		w.out = w.out[:start]
		return
	}
	w.out = append(w.out, '}')
}

func (w *bodyWriter) evidence(list []event.Evidence) {
	if len(list) == 0 {
		return
	}
	w.begin(`"evidence":[`)
	for i, e := range list {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, '{')
		w.always(`"rule":`, e.Rule)
		w.always(`"match":`, e.Match)
		w.number(`"weight":`, int64(e.Weight))
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, ']')
}

// bodyWriter appends members of a JSON object. Its methods take a member's name
// as it is written, and leave a member out that holds nothing.
type bodyWriter struct{ out []byte }

func (w *bodyWriter) begin(name string) {
	if w.out[len(w.out)-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, name...)
}

func (w *bodyWriter) always(name, value string) {
	w.begin(name)
	w.out = appendText(w.out, value)
}

func (w *bodyWriter) text(name, value string) {
	if value != "" {
		w.always(name, value)
	}
}

func (w *bodyWriter) number(name string, value int64) {
	if value != 0 {
		w.begin(name)
		w.out = strconv.AppendInt(w.out, value, 10)
	}
}

func (w *bodyWriter) truth(name string, value bool) {
	if value {
		w.begin(name)
		w.out = append(w.out, "true"...)
	}
}

func texts[T ~string](w *bodyWriter, name string, values []T) {
	if len(values) == 0 {
		return
	}
	w.begin(name)
	w.out = append(w.out, '[')
	for i, value := range values {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = appendText(w.out, string(value))
	}
	w.out = append(w.out, ']')
}

// appendText appends a JSON string (RFC 8259 section 7). What has to be escaped
// is seldom, and left to encoding/json.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			return appendEscaped(to, text)
		}
	}
	if !utf8.ValidString(text) {
		return appendEscaped(to, text)
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}

func appendEscaped(to []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return append(to, quoted...)
}
