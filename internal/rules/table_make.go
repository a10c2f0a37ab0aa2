package rules

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"safelight/internal/event"
	"safelight/internal/rules/flat"
)

// MakeTable lays a policy's Rules, Domains and Programs out as Tables.Rules: the
// same bytes for the same policy.
func MakeTable(p *Policy) ([]byte, error) {
	m := &tableMaker{policy: p, places: map[string]uint16{}}
	for _, part := range []func() error{m.addRules, m.addDomains, m.addPrograms} {
		if err := part(); err != nil {
			return nil, fmt.Errorf("laying rules out: %w", err)
		}
	}
	texts := m.texts.Texts()
	sections := make([][]byte, tableSections)
	sections[textSection], sections[sharedSection], sections[ruleSection] = texts, m.shared, m.rules
	sections[domainSection] = flat.MakeIndex(texts, m.domains)
	sections[programSection], sections[pathSection] = m.programs, m.paths
	for field, section := range map[int]int{fieldName: nameSection, fieldOriginal: originalSection, fieldSigner: signerSection, fieldHash: hashSection} {
		sections[section] = flat.MakeIndex(texts, m.byField[field])
	}
	return flat.Join(tableMagic, sections...)
}

type tableMaker struct {
	policy   *Policy
	texts    flat.Writer
	places   map[string]uint16 // of shared texts
	shared   []byte
	rules    []byte
	domains  []flat.Key
	programs []byte
	byField  [programFields][]flat.Key
	paths    []byte
}

func appendSpan(b []byte, s flat.Span) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, s.At), s.Len)
}

// share gives a text that many rules have a number.
func (m *tableMaker) share(text string) (uint16, error) {
	if n, ok := m.places[text]; ok {
		return n, nil
	}
	if len(m.places) > math.MaxUint16 {
		return 0, fmt.Errorf("more than %d names of packs, languages and files", len(m.places))
	}
	at, err := m.texts.Put(text)
	if err != nil {
		return 0, err
	}
	n := uint16(len(m.places))
	m.places[text], m.shared = n, appendSpan(m.shared, at)
	return n, nil
}

func (m *tableMaker) addRules() error {
	for i := range m.policy.Rules {
		if err := m.addRule(&m.policy.Rules[i]); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	return nil
}

func (m *tableMaker) addRule(r *Rule) error {
	if r.Severity > event.Urgent || r.Line < 0 || int64(r.Line) > math.MaxUint32 {
		return fmt.Errorf("severity %d, line %d", r.Severity, r.Line)
	}
	id, flags := r.ID, bit(r.Reviewed, flagReviewed)|bit(r.Search, flagSearch)|bit(r.Host, flagHost)|flagOwnID
	if r.Category >= 0 && int(r.Category) < len(m.policy.Categories) {
		if rest, is := strings.CutPrefix(id, m.policy.Categories[r.Category].ID+"/"); is {
			id, flags = rest, flags&^flagOwnID
		}
	}
	var common [3]uint16
	for i, text := range [...]string{r.Pack, r.Lang, r.File} {
		n, err := m.share(text)
		if err != nil {
			return err
		}
		common[i] = n
	}
	at, err := m.texts.Put(id)
	if err != nil {
		return err
	}
	b := append(m.rules, byte(r.Kind), byte(r.Tier), byte(r.Severity), flags)
	for _, v := range []uint32{uint32(r.Category), r.Weight, r.Scope, uint32(r.Line)} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	for _, v := range [...]uint16{common[0], common[1], common[2], 0} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	m.rules = appendSpan(b, at)
	return nil
}

func bit(is bool, flag uint8) uint8 {
	if is {
		return flag
	}
	return 0
}

func (m *tableMaker) addDomains() error {
	for _, d := range m.policy.Domains {
		if uint64(d.Rule) >= uint64(len(m.policy.Rules)) {
			return fmt.Errorf("domain %q has no rule", clip(d.Name))
		}
		at, err := m.texts.Put(d.Name)
		if err != nil {
			return err
		}
		m.domains = append(m.domains, flat.Key{Text: at, Value: d.Rule})
	}
	return nil
}

// addPrograms finds each program by the first thing that it says, so that an
// ordinary program costs a look or two.
func (m *tableMaker) addPrograms() error {
	for i, p := range m.policy.Programs {
		m.programs = binary.LittleEndian.AppendUint32(m.programs, p.Rule)
		found := false
		for field, text := range [programFields]string{p.Name, p.OriginalName, p.Signer, p.Path, p.SHA256} {
			at, err := m.texts.Put(text)
			if err != nil {
				return err
			}
			m.programs = appendSpan(m.programs, at)
			if text == "" || found {
				continue
			}
			found = true
			if field == fieldPath {
				m.paths = binary.LittleEndian.AppendUint32(m.paths, uint32(i))
			} else {
				m.byField[field] = append(m.byField[field], flat.Key{Text: at, Value: uint32(i)})
			}
		}
		if !found {
			return fmt.Errorf("program %d says nothing", i)
		}
	}
	return nil
}
