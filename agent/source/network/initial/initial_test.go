package initial

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// theirHello is the client's first CRYPTO frame in RFC 9001, appendix A.2, which
// RFC 9369, appendix A.2 takes over.
const theirHello = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578" +
	"616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fba" +
	"baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100" +
	"3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff"

// TestTheSamplePacketsOfTheRFCs seals what the standards seal, byte for byte, and
// opens it again.
func TestTheSamplePacketsOfTheRFCs(t *testing.T) {
	hello, err := hex.DecodeString(theirHello)
	if err != nil {
		t.Fatal(err)
	}
	frames := append(hello, make([]byte, 1162-len(hello))...)
	dcid, _ := hex.DecodeString("8394c8f03e515708")
	for version, c := range map[uint32]struct{ head, begins, sum string }{
		V1: {"c300000001088394c8f03e5157080000449e", "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11", "73fa0210cb4a5a17dc10b9dc98e5cc359ba1c20fe7c0e93a9e1dcb473c37e097"},
		V2: {"d36b3343cf088394c8f03e5157080000449e", "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485", "b0b766fe7e762577072d3365cc4f9635809210cba301a67f8457f5e6fdac5c68"},
	} {
		head, _ := hex.DecodeString(c.head)
		keys := SuiteOf(version).Derive(dcid)
		packet := keys.Seal(head, 2, frames)
		if got := hex.EncodeToString(packet[:32]); got != c.begins {
			t.Errorf("version %x begins %s, want %s", version, got, c.begins)
		}
		if sum := sha256.Sum256(packet); hex.EncodeToString(sum[:]) != c.sum {
			t.Errorf("version %x: the packet's %d bytes are others than the standard's", version, len(packet))
		}
		if got, _, ok := keys.Open(nil, packet, len(head)); !ok || !bytes.Equal(got, frames) {
			t.Errorf("version %x: what was sealed does not open", version)
		}
		packet[len(packet)-1] ^= 1
		if _, _, ok := keys.Open(nil, packet, len(head)); ok {
			t.Errorf("version %x: a packet that was changed opens", version)
		}
	}
}

func TestOfAVersionThatIsNotKnownThereAreNoKeys(t *testing.T) {
	for _, version := range []uint32{0, 2, 0xff000016, Facebook} {
		if SuiteOf(version) != nil {
			t.Errorf("version %x is taken for one that is known", version)
		}
	}
}
