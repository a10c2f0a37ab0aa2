package trialschool

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports come from below those that systems hand to outgoing connections: one of
// these could otherwise be taken while a collector that was killed starts again.
const (
	firstPort, endOfPorts = 15000, 32000
	portsInBlock          = 100
)

// portBlocks hands out TCP ports on loopback. Between a port's choice and its use
// somebody else may choose it: another test, in this process or in the next. So a
// process claims blocks of ports by listening at the first of each for as long as
// it lives, and hands out each of the others once.
type portBlocks struct {
	mu        sync.Mutex
	claims    []net.Listener
	next, end int // of the newest block
}

var blocks portBlocks

// FreePorts finds n TCP ports on loopback, as text, that nobody has now and that no
// other call of this or of another process is given while this one runs.
func FreePorts(n int) ([]string, error) { return blocks.take(n) }

func (b *portBlocks) take(n int) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ports := make([]string, 0, n)
	for len(ports) < n {
		if b.next == b.end {
			if err := b.claim(); err != nil {
				return nil, fmt.Errorf("finding %d free ports on loopback: %w", n, err)
			}
		}
		l, err := listenAt(b.next)
		if err == nil {
			_ = l.Close()
			ports = append(ports, strconv.Itoa(b.next))
		}
		b.next++
	}
	return ports, nil
}

// claim takes a block that nobody has, from a random one on, so that processes that
// start together seldom try the same.
func (b *portBlocks) claim() error {
	const all = (endOfPorts - firstPort) / portsInBlock
	from := rand.IntN(all)
	for i := range all {
		first := firstPort + (from+i)%all*portsInBlock
		if l, err := listenAt(first); err == nil {
			b.claims = append(b.claims, l)
			b.next, b.end = first+1, first+portsInBlock
			return nil
		}
	}
	return fmt.Errorf("every block of %d from %d to %d is taken: end programs that listen there, or tests left running", portsInBlock, firstPort, endOfPorts)
}

func listenAt(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
