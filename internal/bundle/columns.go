package bundle

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A column of texts is one text, its lines the items. It costs one allocation to
// read, however many they are: each item is a piece of it.

// join makes a column of n texts.
func join(what string, n int, text func(int) string) (string, error) {
	var b strings.Builder
	for i := range n {
		s := text(i)
		if strings.IndexByte(s, '\n') >= 0 {
			return "", fmt.Errorf("%s %q holds a line feed", what, s)
		}
		b.WriteString(s)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// split reads a column of n texts.
func split(what, column string, n int, item func(i int, text string)) error {
	for i := range n {
		text, rest, ok := strings.Cut(column, "\n")
		if !ok {
			return fmt.Errorf("%s: %d texts, want %d", what, i, n)
		}
		item(i, text)
		column = rest
	}
	if column != "" {
		return fmt.Errorf("%s: more texts than %d", what, n)
	}
	return nil
}

// sameLength refuses columns of one table that do not go together.
func sameLength(what string, n int, columns ...int) error {
	for _, c := range columns {
		if c != n {
			return fmt.Errorf("%s: columns of %d and %d items", what, n, c)
		}
	}
	return nil
}

// byteOf puts a small number into a column of bytes.
func byteOf[T ~int | ~uint8](what string, v T) (byte, error) {
	if int(v) < 0 || int(v) > 255 {
		return 0, fmt.Errorf("%s %d is not from 0 to 255", what, int(v))
	}
	return byte(v), nil
}

// known refuses a message that says what this program does not know: rules half
// understood judge wrongly, and min_engine keeps such a one from a device.
func known(m protoreflect.Message) (err error) {
	if len(m.GetUnknown()) > 0 {
		return fmt.Errorf("%s says more than this program knows; update it", m.Descriptor().Name())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = known(v.List().Get(i).Message())
			}
		default:
			err = known(v.Message())
		}
		return err == nil
	})
	return err
}

// shared reads a column of places in a pool.
func shared(what string, list []string, places []uint32, item func(i int, text string)) error {
	for i, at := range places {
		if uint64(at) >= uint64(len(list)) {
			return fmt.Errorf("%s: text %d of %d", what, at, len(list))
		}
		item(i, list[at])
	}
	return nil
}
