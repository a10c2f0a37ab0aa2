package bundle

import (
	"google.golang.org/protobuf/proto"

	"safelight/internal/rules"
	safelightv1 "safelight/proto/safelight/v1"
)

// encodePolicy gives the bytes of CompiledRules, without what TableFile holds; the
// message has no maps, so that the same policy always gives the same.
func encodePolicy(p *rules.Policy) ([]byte, error) {
	msg := &safelightv1.CompiledRules{
		Format: format, Engine: p.Engine,
		Sets: setsOf(p.Sets), Lists: listsOf(p.Lists), Raises: raisesOf(p.Raises),
		Scopes: scopesOf(p.Scopes),
	}
	for _, pack := range p.Packs {
		msg.Packs = append(msg.Packs, &safelightv1.CompiledPack{Name: pack.Name, Version: int64(pack.Version)})
	}
	for i := range p.Categories {
		c, err := categoryOf(&p.Categories[i])
		if err != nil {
			return nil, err
		}
		msg.Categories = append(msg.Categories, c)
	}
	if err := namesOf(msg, p); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(msg)
}

func categoryOf(c *rules.PolicyCategory) (*safelightv1.CompiledCategory, error) {
	severity, err := byteOf("severity", c.Severity)
	if err != nil {
		return nil, err
	}
	out := &safelightv1.CompiledCategory{
		Id: c.ID, Title: c.Title, Noun: c.Noun, About: c.About, Why: c.Why, Owner: c.Owner, Purpose: c.Purpose, Risk: c.Risk,
		Severity: uint32(severity), Locked: c.Locked, Pack: c.Pack, FirstSteps: c.FirstSteps, Helplines: c.Helplines, Threshold: c.Threshold,
	}
	for _, a := range c.Actions {
		out.Actions = append(out.Actions, byte(a))
	}
	return out, nil
}

func scopesOf(scopes []rules.Scope) []*safelightv1.CompiledScope {
	var out []*safelightv1.CompiledScope
	for _, s := range scopes {
		out = append(out, &safelightv1.CompiledScope{Roles: s.Roles, Years: s.Years, Groups: s.Groups, Sites: s.Sites, When: s.When, Premises: s.Premises})
	}
	return out
}

// namesOf writes what is made of names and numbers.
func namesOf(msg *safelightv1.CompiledRules, p *rules.Policy) (err error) {
	if msg.Lookalikes, err = namedOf("look-alike", p.Lookalikes); err != nil {
		return err
	}
	if msg.Protected, err = join("protected site", len(p.Protected), func(i int) string { return p.Protected[i] }); err != nil {
		return err
	}
	msg.Marks, msg.Addresses = &safelightv1.CompiledNames{}, &safelightv1.CompiledNames{}
	if msg.Marks.Name, err = join("mark", len(p.Marks), func(i int) string { return p.Marks[i].Name }); err != nil {
		return err
	}
	for _, m := range p.Marks {
		msg.Marks.Number = append(msg.Marks.Number, uint32(m.Mark))
	}
	if msg.Addresses.Name, err = join("address", len(p.Addresses), func(i int) string { return p.Addresses[i].Address }); err != nil {
		return err
	}
	for _, a := range p.Addresses {
		msg.Addresses.Number = append(msg.Addresses.Number, uint32(a.Mark))
	}
	return nil
}

func namedOf(what string, list []rules.NamedRule) (*safelightv1.CompiledNames, error) {
	text, err := join(what, len(list), func(i int) string { return list[i].Name })
	out := &safelightv1.CompiledNames{Name: text}
	for _, n := range list {
		out.Number = append(out.Number, n.Rule)
	}
	return out, err
}

func setsOf(sets [][]uint32) *safelightv1.CompiledSets {
	out := &safelightv1.CompiledSets{}
	for _, s := range sets {
		out.Size, out.Rule = append(out.Size, uint32(len(s))), append(out.Rule, s...)
	}
	return out
}

func listsOf(lists []rules.ListSource) []*safelightv1.CompiledList {
	var out []*safelightv1.CompiledList
	for _, l := range lists {
		out = append(out, &safelightv1.CompiledList{
			Id: l.ID, Rule: l.Rule, Category: l.Category, Severity: uint32(l.Severity), Pack: l.Pack, Url: l.URL, File: l.File,
			Format: l.Format, Member: l.Member, Licence: l.Licence, From: l.From, MaxShrink: l.MaxShrink, MaxGrow: l.MaxGrow,
			RefreshNs: l.Refresh.Nanoseconds(), At: l.At,
		})
	}
	return out
}

func raisesOf(raises []rules.Raise) []*safelightv1.CompiledRaise {
	var out []*safelightv1.CompiledRaise
	for _, r := range raises {
		out = append(out, &safelightv1.CompiledRaise{
			Category: uint32(r.Category), Repeats: r.Repeats, With: uint32(r.With + 1), WithinNs: r.Within.Nanoseconds(),
			To: uint32(r.To), Scope: r.Scope, File: r.File, Line: uint32(r.Line),
		})
	}
	return out
}
