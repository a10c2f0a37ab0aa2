package flat

import (
	"errors"
	"math"
)

// Span is a piece of Texts.
type Span struct{ At, Len uint32 }

// Texts are texts one after the other, without anything between them.
type Texts []byte

// Has reports whether s lies within the texts.
func (t Texts) Has(s Span) bool { return uint64(s.At)+uint64(s.Len) <= uint64(len(t)) }

// Bytes is the text at s, which Has it.
func (t Texts) Bytes(s Span) []byte { return t[s.At : s.At+s.Len : s.At+s.Len] }

// String is a copy of the text at s, which stays when what t lies in is gone.
func (t Texts) String(s Span) string { return string(t.Bytes(s)) }

// Writer puts texts together; each one stands in them once.
type Writer struct {
	texts  []byte
	places map[string]Span
}

// Texts are those put in so far.
func (w *Writer) Texts() Texts { return w.texts }

// Put gives the place of a text.
func (w *Writer) Put(text string) (Span, error) {
	if s, ok := w.places[text]; ok {
		return s, nil
	}
	s := Span{uint32(len(w.texts)), uint32(len(text))}
	if uint64(len(w.texts))+uint64(len(text)) > math.MaxUint32 {
		return Span{}, errors.New("putting texts together: more than 4 GB")
	}
	if w.places == nil {
		w.places = map[string]Span{}
	}
	w.texts, w.places[text] = append(w.texts, text...), s
	return s, nil
}
