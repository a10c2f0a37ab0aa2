package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// field is one member of a JSON object, its value as it was written.
type field struct {
	name  string
	value json.RawMessage
}

// object is a JSON object in the order that it was written in: what is the
// school's keeps its place and its spelling.
type object []field

var errNoObject = errors.New("want one JSON object")

func parseObject(text []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, errNoObject
	}
	all := object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		f := field{name: name.(string)} // a decoder of objects returns nothing else
		if err := d.Decode(&f.value); err != nil {
			return nil, err
		}
		if all.at(f.name) >= 0 {
			return nil, fmt.Errorf("%q stands there twice", f.name)
		}
		all = append(all, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return all, nil
}

func (o object) at(name string) int {
	return slices.IndexFunc(o, func(f field) bool { return f.name == name })
}

func (o object) text() ([]byte, error) {
	flat := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			flat = append(flat, ',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		flat = append(append(append(flat, name...), ':'), f.value...)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, append(flat, '}'), "", "  "); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

// same reports whether two values mean the same, however they are written.
func same(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x) // which sorts names
	q, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(p, q)
}
