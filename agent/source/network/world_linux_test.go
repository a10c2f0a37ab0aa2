package network

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"safelight/agent/source/network/bpf"
)

// A world is two networks joined by a cable: this process's, and that of a
// server process far away. Neither end cuts packets for the other, so segments
// are as small as on a real network.
//
//	[clients, this process] near ---------------- far [server]
//	198.51.100.2, 2001:db8::2        198.51.100.1, 2001:db8::1
const (
	farAddr4, nearAddr4 = "198.51.100.1", "198.51.100.2"
	farAddr6, nearAddr6 = "2001:db8::1", "2001:db8::2"

	asServer = "SAFELIGHT_TEST_SERVER"
	asClient = "SAFELIGHT_TEST_CLIENT" // UID COUNT ADDRESS...
)

// become plays the part that a child process of the tests is started for.
func become() bool {
	switch {
	case os.Getenv(asServer) != "":
		serveFar()
	case os.Getenv(asClient) != "":
		if err := visitFar(strings.Fields(os.Getenv(asClient))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Getenv(asProbe) != "":
		probe(os.Getenv(asProbe))
	default:
		return false
	}
	return true
}

// makeWorld joins this process's network to a server's, and returns its pid.
func makeWorld(t *testing.T) int {
	t.Helper()
	for _, tool := range []string{"ip", "nsenter", "ethtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
	}
	pid := startServer(t)
	joinWorld(t, pid)
	return pid
}

func joinWorld(t *testing.T, pid int) {
	t.Helper()
	ip(t, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", strconv.Itoa(pid))
	inFar := []string{"nsenter", "--target", strconv.Itoa(pid), "--net"}
	for _, side := range []struct {
		in                 []string
		name, addr4, addr6 string
	}{{nil, "near", nearAddr4, nearAddr6}, {inFar, "far", farAddr4, farAddr6}} {
		run(t, append(side.in, "ip", "address", "add", side.addr4+"/24", "dev", side.name)...)
		run(t, append(side.in, "ip", "address", "add", side.addr6+"/64", "dev", side.name, "nodad")...)
		run(t, append(side.in, "ethtool", "-K", side.name, "tso", "off", "gso", "off", "gro", "off", "tx-udp-segmentation", "off")...)
		run(t, append(side.in, "ip", "link", "set", side.name, "up")...)
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// startServer starts the far end in a network of its own, outside the test's
// cgroup, and returns its pid.
func startServer(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if root, err := bpf.Root(); err == nil {
		dir, err := os.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stayOnThread(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the server is not ready: %q, %v", line, err)
	}
	return cmd.Process.Pid
}

// serveFar listens on TCP port 443, takes what a client says first, answers a
// byte and hangs up, and on others, where it reads all that comes. On UDP it
// takes QUIC and DNS, and answers nothing.
func serveFar() {
	for _, port := range []string{":53", ":443"} {
		conn, err := net.ListenPacket("udp", port)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			for b := make([]byte, 2048); err == nil; _, _, err = conn.ReadFrom(b) {
			}
		}()
	}
	for _, port := range []string{":53", ":80", ":443", ":444"} {
		l, err := net.Listen("tcp", port)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					if port != ":443" {
						_, _ = io.Copy(io.Discard, c)
						return
					}
					head := make([]byte, 5) // the whole hello: what is left unread makes a reset of the end
					if _, err := io.ReadFull(c, head); err != nil {
						return
					}
					_, _ = io.CopyN(io.Discard, c, int64(head[3])<<8|int64(head[4]))
					_, _ = c.Write([]byte{0x15})
				}()
			}
		}()
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// visitFar says a ClientHello with a name of its own on each of many
// connections, as the account it is told.
func visitFar(args []string) error {
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return err
	}
	for i := range count {
		if err := hello(args[2+i%len(args[2:])], shortName(uid, i)); err != nil {
			return err
		}
	}
	return nil
}

func shortName(uid, i int) string { return fmt.Sprintf("n%d.u%d.example.org", i, uid) }

// hello says a ClientHello; that the server says nothing sensible is the plan.
func hello(addr, name string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	err = tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
	var op *net.OpError
	var record tls.RecordHeaderError
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) || errors.As(err, &record) {
		return nil
	}
	return err
}

// uploadFar says a hello and sends records of application data after it.
func uploadFar(addr string, bytes int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	first := &firstWrite{Conn: c}
	_ = tls.Client(first, &tls.Config{ServerName: "upload.example.org", InsecureSkipVerify: true}).Handshake() // never answered
	const record = 16384
	b := make([]byte, 5+record)
	copy(b, []byte{0x17, 3, 3, record >> 8, record & 0xff})
	for sent := 0; sent < bytes; sent += record {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// firstWrite is a connection on which nothing is ever answered.
type firstWrite struct{ net.Conn }

func (*firstWrite) Read([]byte) (int, error) { return 0, io.EOF }

// clients run side by side, each as an account of its own, and return their
// pids by account.
func clients(t *testing.T, uids []int, count int, addrs ...string) map[int]int {
	t.Helper()
	stayOnThread(t)
	pids := make(map[int]int)
	var wg sync.WaitGroup
	for _, uid := range uids {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", asClient, uid, count, strings.Join(addrs, " ")))
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pids[uid] = cmd.Process.Pid
		wg.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Errorf("a client: %v", err)
			}
		})
	}
	wg.Wait()
	return pids
}
