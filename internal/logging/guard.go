package logging

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// Withheld stands in a log line where the guard took a value out. The key stays,
// so that whoever wrote the line sees what to mend.
const Withheld = "[withheld]"

// personal are the words in a key that say its value may be about a person or
// about what a person did, or is a secret. A key is looked at word by word, so
// "user", "user_id" and "last_user" are all caught. Devices, schools and
// sources are told by "device", "school" and "source", which are not names.
var personal = wordSet(`
	account accounts argument arguments argv args
	client domain domains email emails exe
	host hosts hostname hostnames
	match matched matches name names
	observation observations owner
	password passwords person phrase phrases process processes pupil
	query queries referrer sni subject subjects secret secrets
	title token tokens
	uri url urls user users username usernames visit visits
	word words
`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// Guard wraps a handler so that no attribute whose key is personal, at any
// depth, and no value that is a structure, list or map, reaches it: a structure
// logged whole is how a name gets into a log without anyone having named it.
//
// It cannot read messages or the text of errors. Messages are static (sloglint
// holds that); an error that quotes what a device saw must not be logged, and
// the canary test over the whole product looks for one.
func Guard(next slog.Handler) slog.Handler { return guard{next} }

type guard struct{ next slog.Handler }

func (g guard) Enabled(ctx context.Context, level slog.Level) bool {
	return g.next.Enabled(ctx, level)
}

func (g guard) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(withhold(a))
		return true
	})
	return g.next.Handle(ctx, clean)
}

func (g guard) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = withhold(a)
	}
	return guard{g.next.WithAttrs(clean)}
}

func (g guard) WithGroup(name string) slog.Handler { return guard{g.next.WithGroup(name)} }

func withhold(a slog.Attr) slog.Attr {
	if isPersonal(a.Key) {
		return slog.String(a.Key, Withheld)
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		members := v.Group()
		clean := make([]slog.Attr, len(members))
		for i, m := range members {
			clean[i] = withhold(m)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	case slog.KindAny:
		if composite(v.Any()) {
			return slog.String(a.Key, Withheld)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// isPersonal splits a key at anything that is not a letter and before each
// capital, so that "userName" is caught like "user_name".
func isPersonal(key string) bool {
	start := 0
	for i := 0; i <= len(key); i++ {
		if i < len(key) && (key[i] >= 'a' && key[i] <= 'z' || i == start && letter(key[i])) {
			continue
		}
		if personal[strings.ToLower(key[start:i])] {
			return true
		}
		start = i
		if i < len(key) && !letter(key[i]) {
			start = i + 1
		}
	}
	return personal[strings.ToLower(key)]
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// composite reports whether v would be printed field by field. What gives its
// own text (an error, a duration, an address) chose what it says.
func composite(v any) bool {
	switch v.(type) {
	case nil, error, fmt.Stringer, encoding.TextMarshaler:
		return false
	}
	switch reflect.TypeOf(v).Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Array, reflect.Pointer, reflect.Interface:
		return true
	}
	return false
}
