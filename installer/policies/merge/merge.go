package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// merge puts what is wanted beside what the school has, and takes out what was
// ours before. A policy is one unit: half of one in the school's would be neither's.
// It returns the new object, what of it is ours, and a line for each policy that
// the school has set otherwise.
func merge(has, wanted, before object) (now, ours object, conflicts []string) {
	for _, f := range has {
		if i := before.at(f.name); i < 0 || !same(before[i].value, f.value) {
			now = append(now, f) // the school's, or changed by the school since
		}
	}
	for _, w := range wanted {
		i := now.at(w.name)
		switch {
		case i < 0:
			now, ours = append(now, w), append(ours, w)
		case !same(now[i].value, w.value):
			conflicts = append(conflicts, fmt.Sprintf("%s is %s there, and was left so; Safelight asks for %s", w.name, flat(now[i].value), flat(w.value)))
		}
	}
	return inOrder(now, has), ours, conflicts
}

// inOrder puts what was there first, in its order, so that doing the same again
// changes nothing.
func inOrder(now, was object) object {
	slices.SortStableFunc(now, func(a, b field) int {
		return place(was, a.name) - place(was, b.name)
	})
	return now
}

func place(o object, name string) int {
	if i := o.at(name); i >= 0 {
		return i
	}
	return len(o)
}

// flat is a value on one line.
func flat(value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return string(value)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return string(value)
	}
	return string(text)
}

// within applies a change to the object that stands under a name in a document, or
// to the document itself. An object that the change leaves empty and that was not
// there is not added.
func within(doc object, under string, change func(object) object) (object, error) {
	if under == "" {
		return change(doc), nil
	}
	inner, i := object{}, doc.at(under)
	if i >= 0 {
		var err error
		if inner, err = parseObject(doc[i].value); err != nil {
			return nil, fmt.Errorf("reading %q: %w", under, err)
		}
	}
	changed := change(inner)
	if i < 0 && len(changed) == 0 {
		return doc, nil
	}
	text, err := changed.text()
	if err != nil {
		return nil, err
	}
	doc = slices.Clone(doc)
	if i < 0 {
		return append(doc, field{under, text}), nil
	}
	doc[i].value = text
	return doc, nil
}
