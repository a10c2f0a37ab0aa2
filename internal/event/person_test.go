package event

import "testing"

func TestServicesWithHighNumbersAreNoPeople(t *testing.T) {
	for uid, want := range map[uint32]bool{
		0: false, 999: false, 1000: true, 60000: true, 61183: true, 61184: false, 61500: false, 65519: false, 65520: true,
		65534: false, 65535: false, 65536: true, 1234567: true, 1<<32 - 1: false,
	} {
		if IsPerson(uid) != want {
			t.Errorf("%d: %v, want %v", uid, !want, want)
		}
	}
}
