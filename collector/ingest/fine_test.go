package ingest

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	safelightv1 "safelight/proto/safelight/v1"
)

// wrongs are values to try in a field, whatever its rules: among them, for any
// rule the protocol has, one that breaks it.
func wrongs(f protoreflect.FieldDescriptor) []func(protoreflect.Message) {
	var all []func(protoreflect.Message)
	set := func(v protoreflect.Value) { all = append(all, func(m protoreflect.Message) { m.Set(f, v) }) }
	clearIt := func(m protoreflect.Message) { m.Clear(f) }
	all = append(all, clearIt)
	lengths := []int{0, 1, 16, 17, 32, 33, 64, 65, 128, 129, 255, 256, 1024, 1025, 4096, 4097}
	switch {
	case f.IsList():
		for _, n := range []int{1, 8, 9, 16, 17, 100} {
			all = append(all, func(m protoreflect.Message) {
				m.Clear(f)
				list := m.Mutable(f).List()
				for range n {
					list.Append(list.NewElement())
				}
			})
		}
		if f.Kind() == protoreflect.StringKind {
			all = append(all, func(m protoreflect.Message) {
				m.Mutable(f).List().Append(protoreflect.ValueOfString(strings.Repeat("x", 256)))
			})
		}
	case f.Kind() == protoreflect.StringKind:
		for _, n := range lengths {
			set(protoreflect.ValueOfString(strings.Repeat("x", n)))
			set(protoreflect.ValueOfString(strings.Repeat("ü", n)))
		}
	case f.Kind() == protoreflect.BytesKind:
		for _, n := range lengths {
			set(protoreflect.ValueOfBytes(make([]byte, n)))
		}
	case f.Kind() == protoreflect.EnumKind:
		for n := range protoreflect.EnumNumber(12) {
			set(protoreflect.ValueOfEnum(n))
		}
		set(protoreflect.ValueOfEnum(-1))
	case f.Kind() == protoreflect.Int64Kind:
		set(protoreflect.ValueOfInt64(-1))
		set(protoreflect.ValueOfInt64(1 << 62))
	}
	return all
}

func TestFineLetsNothingWrongThrough(t *testing.T) {
	validator, err := compiled()
	must(t, err)
	tried, wrong, doubted := 0, 0, 0
	var walk func(path []protoreflect.FieldDescriptor, m protoreflect.MessageDescriptor)
	walk = func(path []protoreflect.FieldDescriptor, m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			for _, change := range wrongs(f) {
				e := eventOf(1)
				at := e.ProtoReflect()
				for _, step := range path {
					at = at.Mutable(step).Message()
				}
				change(at)
				tried++
				broken := validator.Validate(e) != nil
				if broken {
					wrong++
				}
				switch {
				case broken && fine(e):
					t.Errorf("%s.%s: let through %v", m.FullName(), f.Name(), at)
				case !broken && !fine(e):
					doubted++
				}
			}
			if f.Message() != nil && f.IsList() && f.Message().Name() == "Evidence" {
				walkEvidence(t, validator, f)
			}
			if f.Message() != nil && !f.IsList() && strings.HasPrefix(string(f.Message().FullName()), "safelight.") {
				walk(append(path[:len(path):len(path)], f), f.Message())
			}
		}
	}
	walk(nil, (&safelightv1.Event{}).ProtoReflect().Descriptor())
	if wrong < 50 || !fine(proto.CloneOf(eventOf(1))) || doubted > tried/10 {
		t.Errorf("tried %d, of them %d wrong and %d doubted: does this test still see the rules?", tried, wrong, doubted)
	}
}

// walkEvidence does the same to the items of a list.
func walkEvidence(t *testing.T, validator protovalidate.Validator, list protoreflect.FieldDescriptor) {
	wrong := 0
	for i := range list.Message().Fields().Len() {
		for _, change := range wrongs(list.Message().Fields().Get(i)) {
			e := eventOf(1)
			e.Verdict.Evidence = []*safelightv1.Evidence{{Rule: "test/1", Match: "words"}}
			change(e.Verdict.Evidence[0].ProtoReflect())
			if validator.Validate(e) == nil {
				continue
			}
			if wrong++; fine(e) {
				t.Errorf("let through %v", e.GetVerdict().GetEvidence())
			}
		}
	}
	if wrong < 10 {
		t.Errorf("only %d wrong ones were tried: does this test still see the rules?", wrong)
	}
}
