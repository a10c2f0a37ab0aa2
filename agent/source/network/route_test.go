package network

import "testing"

func TestARouteThatComesIsNoChangeOfInterfaces(t *testing.T) {
	for _, c := range []struct {
		what    string
		message []byte
		want    bool
	}{
		{"a new address", []byte{0x58, 0, 5, 0x0c, 7, 0, 0, 0}, true},
		{"an address that went", []byte{0x58, 0, 5, 0x0d, 7, 0, 0, 0}, true},
		{"an interface that went down", []byte{0x70, 0, 5, 0x0e, 0, 0, 0, 0}, true},
		{"a route", []byte{0xdc, 0, 5, 0x01, 4, 0, 0, 0}, false},
		{"a neighbour that was looked up", []byte{0xdc, 0, 5, 0x0b, 4, 0, 0, 0}, false},
		{"nothing", nil, true},
		{"a message cut short", []byte{0x58, 0, 5}, true},
		{"another version", []byte{0x58, 0, 6, 0x01}, true},
	} {
		if got := routeMessage(c.message); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}
