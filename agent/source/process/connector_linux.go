package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"safelight/internal/event"
)

const (
	netlinkConnector = 11
	// ackWait is how long the kernel may take to say that it will tell; it says
	// nothing at all to a process in a container.
	ackWait = time.Second
	// connectorBuffer holds some thousands of starts while /proc is read.
	connectorBuffer = 4 << 20
)

// connector listens to the kernel's process connector. It gives numbers only:
// who and what is read from /proc at once, while there is time.
type connector struct {
	overflows atomic.Uint64
}

func (*connector) name() string { return "proc-connector" }

func (c *connector) lost() uint64 { return c.overflows.Load() }

func (c *connector) run(ctx context.Context, ready func(), tell func(event.Start)) error {
	file, err := subscribe()
	if err != nil {
		return fmt.Errorf("%w (%w)", err, errUnavailable)
	}
	defer func() { _ = file.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	ready()
	err = c.read(file, func(e procEvent) error {
		if e.what == procExec {
			tell(event.Start{PID: e.pid})
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// subscribe opens the connector and waits until the kernel agrees.
func subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, netlinkConnector)
	if err != nil {
		return nil, fmt.Errorf("opening the process connector: %w", err)
	}
	file := os.NewFile(uintptr(fd), "process connector")
	if err := listen(fd); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := agreed(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func listen(fd int) error {
	// Forks and threads are many and tell nothing: the kernel leaves them out.
	if err := attach(fd, execFilter()); err != nil {
		return fmt.Errorf("filtering the process connector: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, connectorBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, connectorBuffer) // as much as is allowed
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: connectorProc}); err != nil {
		return fmt.Errorf("joining the process connector: %w; give the agent CAP_NET_ADMIN", err)
	}
	if err := unix.Sendto(fd, subscription(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("subscribing to the process connector: %w; give the agent CAP_NET_ADMIN", err)
	}
	return nil
}

func agreed(file *os.File) error {
	if err := file.SetReadDeadline(time.Now().Add(ackWait)); err != nil {
		return fmt.Errorf("waiting for the process connector: %w", err)
	}
	done := errors.New("agreed")
	err := (&connector{}).read(file, func(e procEvent) error {
		if e.what != procAck {
			return nil
		}
		if e.failed != 0 {
			return fmt.Errorf("the process connector refused: %w; give the agent CAP_NET_ADMIN", unix.Errno(e.failed))
		}
		return done
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the process connector does not answer, as in a container; run the agent outside")
	case !errors.Is(err, done):
		return err
	}
	return file.SetReadDeadline(time.Time{})
}

// read hands out events until reading or handle fails.
func (c *connector) read(file *os.File, handle func(procEvent) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return fmt.Errorf("reading the process connector: %w", err)
	}
	buf := make([]byte, 4096)
	for {
		var n int
		var from unix.Sockaddr
		var failed error
		err := conn.Read(func(fd uintptr) bool {
			n, from, failed = unix.Recvfrom(int(fd), buf, 0)
			return !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR)
		})
		switch {
		case err != nil:
			return fmt.Errorf("reading the process connector: %w", err)
		case errors.Is(failed, unix.ENOBUFS):
			c.overflows.Add(1) // how many there was no room for is not said
			continue
		case failed != nil:
			return fmt.Errorf("reading the process connector: %w", failed)
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // anybody may send here; the kernel is number 0
		}
		for _, e := range parseProcEvents(buf[:n]) {
			if err := handle(e); err != nil {
				return err
			}
		}
	}
}

func attach(fd int, program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// execFilter lets through starts and the answer to the subscription.
func execFilter() []unix.SockFilter {
	const what = netlinkHeader + connectorHeader
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: what},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: asLoaded(procExec), Jt: 1},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: asLoaded(procAck), Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}
