package bundle

import (
	"google.golang.org/protobuf/proto"

	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// encodeEngine5 writes a policy as collectors did up to rule engine 5, its rules,
// domains and programs in the same file.
func encodeEngine5(p *rules.Policy) ([]byte, error) {
	raw, err := encodePolicy(p)
	if err != nil {
		return nil, err
	}
	msg := &safelightv1.CompiledRules{}
	if err := proto.Unmarshal(raw, msg); err != nil {
		return nil, err
	}
	texts := &pool{places: map[string]uint32{}}
	if msg.Rules, err = rulesOf(p.Rules, texts); err != nil {
		return nil, err
	}
	msg.Shared, msg.Programs = texts.list, programsOf(p.Programs)
	if msg.Domains, err = namedOf("domain", p.Domains); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(msg)
}

// pool gives each text that many rules share a number.
type pool struct {
	list   []string
	places map[string]uint32
}

func (p *pool) place(s string) uint32 {
	i, ok := p.places[s]
	if !ok {
		i = uint32(len(p.list))
		p.list, p.places[s] = append(p.list, s), i
	}
	return i
}

func rulesOf(list []rules.Rule, texts *pool) (*safelightv1.CompiledRuleColumns, error) {
	ids, err := join("rule", len(list), func(i int) string { return list[i].ID })
	if err != nil {
		return nil, err
	}
	out := &safelightv1.CompiledRuleColumns{Id: ids}
	for i := range list {
		r := &list[i]
		severity, err := byteOf("severity", r.Severity)
		if err != nil {
			return nil, err
		}
		out.Kind, out.Tier, out.Severity = append(out.Kind, byte(r.Kind)), append(out.Tier, byte(r.Tier)), append(out.Severity, severity)
		out.Category, out.Scope, out.Weight = append(out.Category, uint32(r.Category+1)), append(out.Scope, r.Scope), append(out.Weight, r.Weight)
		out.Pack, out.Lang, out.File = append(out.Pack, texts.place(r.Pack)), append(out.Lang, texts.place(r.Lang)), append(out.File, texts.place(r.File))
		out.Line = append(out.Line, uint32(r.Line))
		out.Flags = append(out.Flags, bit(r.Reviewed, flagReviewed)|bit(r.Search, flagSearch)|bit(r.Host, flagHost))
	}
	return out, nil
}

func bit(is bool, flag byte) byte {
	if is {
		return flag
	}
	return 0
}

func programsOf(programs []rules.PolicyProgram) []*safelightv1.CompiledProgram {
	var out []*safelightv1.CompiledProgram
	for _, p := range programs {
		out = append(out, &safelightv1.CompiledProgram{
			Rule: p.Rule, Name: p.Name, OriginalName: p.OriginalName, Path: p.Path, Signer: p.Signer, Sha256: p.SHA256,
		})
	}
	return out
}
