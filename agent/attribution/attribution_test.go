package attribution

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Recorded from a little-endian machine.
const (
	recordedTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1201 1 0000000000000000 100 0 0 10 0
   1: 0201A8C0:D431 0A1F71CB:01BB 01 00000000:00000000 02:000005DC 00000000  1000        0 84213 2 0000000000000000 20 4 30 10 -1
   2: 0201A8C0:D432 0A1F71CB:01BB 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000
`
	recordedUDP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  101: 00000000:A1B2 00000000:0000 07 00000000:00000000 00:00000000 00000000  1001        0 5550 2 0000000000000000 0
  102: 0100007F:A1B2 3500007F:0035 01 00000000:00000000 00:00000000 00000000  1002        0 5551 2 0000000000000000 0
`
	recordedTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000201A8C0:D433 0000000000000000FFFF00000A1F71CB:01BB 01 00000000:00000000 00:00000000 00000000  1003        0 91000 1 0000000000000000 20 0 0 10 -1
   1: B80D0120000000000000000001000000:D434 B80D0120000000000000000002000000:01BB 01 00000000:00000000 00:00000000 00000000  1004        0 91001 1 0000000000000000 20 0 0 10 -1
`
)

func TestTablesOfSockets(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("SKIPPED: the tables were recorded on a little-endian machine")
	}
	for _, c := range []struct {
		name, table, local, remote string
		want                       socket
		found                      bool
	}{
		{"connected", recordedTCP, "192.168.1.2:54321", "203.113.31.10:443", socket{1000, 84213}, true},
		{"a closed connection is not root's", recordedTCP, "192.168.1.2:54322", "203.113.31.10:443", socket{}, false},
		{"a listener owns no connection", recordedTCP, "192.168.1.2:443", "203.113.31.10:5555", socket{}, false},
		{"connected before bound", recordedUDP, "127.0.0.1:41394", "127.0.0.53:53", socket{1002, 5551}, true},
		{"bound to any address", recordedUDP, "10.0.0.9:41394", "10.0.0.1:53", socket{1001, 5550}, true},
		{"IPv4 over an IPv6 socket", recordedTCP6, "192.168.1.2:54323", "203.113.31.10:443", socket{1003, 91000}, true},
		{"IPv6", recordedTCP6, "[2001:db8::1]:54324", "[2001:db8::2]:443", socket{1004, 91001}, true},
		{"cut in the middle", recordedTCP[:200], "192.168.1.2:54321", "203.113.31.10:443", socket{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, found := parseProcNet(strings.NewReader(c.table), netip.MustParseAddrPort(c.local), netip.MustParseAddrPort(c.remote))
			if got != c.want || found != c.found {
				t.Errorf("got %+v, %v; want %+v, %v", got, found, c.want, c.found)
			}
		})
	}
}

func TestAnAnswerToAnotherQuestionIsPassedOver(t *testing.T) {
	reply := make([]byte, diagReply)
	binary.NativeEndian.PutUint16(reply[4:], diagByFamily)
	binary.NativeEndian.PutUint32(reply[8:], 7)
	binary.NativeEndian.PutUint32(reply[diagReply-8:], 1000)
	binary.NativeEndian.PutUint32(reply[diagReply-4:], 4711)
	if _, mine, _ := parseDiagReply(reply, 8); mine {
		t.Error("took the answer to question 7 for that to question 8")
	}
	if s, mine, err := parseDiagReply(reply, 7); !mine || err != nil || s != (socket{1000, 4711}) {
		t.Errorf("got %+v, %v, %v", s, mine, err)
	}
	var reason why
	if _, _, err := parseDiagReply(reply[:40], 7); !errors.As(err, &reason) {
		t.Errorf("a short answer: got %v, want a reason", err)
	}
}
