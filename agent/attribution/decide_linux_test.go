package attribution

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"safelight/internal/event"
)

// school is a machine with two people signed in: pupil07 at the screen, pupil08
// by remote desktop; the teacher has an account too.
func school(more map[string]string) map[string]string {
	tree := map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\nsystemd-resolve:x:991:991::/:/usr/sbin/nologin\n" +
			"teacher:x:1001:1001::/home/teacher:/bin/sh\npupil07:x:1007:1007::/home/pupil07:/bin/sh\npupil08:x:1008:1008::/home/pupil08:/bin/sh\n",
		"etc/subuid":                "pupil07:100000:65536\n",
		"run/systemd/sessions/3":    "UID=1007\nSTATE=active\nCLASS=user\nSEAT=seat0\nREMOTE=0\nSERVICE=gdm-password\n",
		"run/systemd/sessions/8":    "UID=1008\nSTATE=online\nCLASS=user\nREMOTE=0\nSERVICE=xrdp-sesman\n",
		"run/systemd/users/1007":    "NAME=pupil07\nDISPLAY=3\nSESSIONS=3\n",
		"run/systemd/users/1008":    "NAME=pupil08\nSESSIONS=8\n",
		"run/systemd/users/1234567": "NAME=SCHOOL\\\\far.pupil\n",
	}
	maps.Copy(tree, more)
	return tree
}

// proc is one process's files.
func proc(pid, ppid int, name, exe string, uid uint32, cgroup string, more ...string) map[string]string {
	dir := fmt.Sprintf("proc/%d/", pid)
	tree := map[string]string{
		dir + "status": fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPPid:\t%d\nUid:\t%d\t%d\t%d\t%d\n", name, pid, ppid, uid, uid, uid, uid),
		dir + "cgroup": "0::" + cgroup + "\n", dir + "loginuid": "4294967295\n", dir + "sessionid": "4294967295\n",
		dir + "uid_map": "0 0 4294967295\n",
	}
	if exe != "" {
		tree[dir+"exe"] = "->" + exe
	}
	for i := 0; i+1 < len(more); i += 2 {
		tree[dir+more[i]] = more[i+1]
	}
	return tree
}

func join(trees ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, tree := range trees {
		maps.Copy(all, tree)
	}
	return all
}

const (
	screen  = "/user.slice/user-1007.slice/session-3.scope"
	manager = "/user.slice/user-1008.slice/user@1008.service/app.slice/app-x.scope"
	docker  = "/system.slice/docker-" + id64 + ".scope"
)

func TestWhoseAProcessIs(t *testing.T) {
	for _, c := range []struct {
		name string
		pid  int
		tree map[string]string
		want event.Owner // of its fields, those that are set
	}{
		{
			"at the screen", 50, proc(50, 1, "firefox", "/usr/lib/firefox/firefox", 1007, screen),
			event.Owner{User: "pupil07", Origin: event.Origin{Session: "3", Seat: "seat0"}},
		},
		{
			"by remote desktop, while somebody else is at the screen", 50, proc(50, 1, "firefox", "/usr/lib/firefox/firefox", 1008, manager),
			event.Owner{User: "pupil08", Origin: event.Origin{Session: "8", Remote: event.RemoteRDP}},
		},
		{
			"another account's program in the session at the screen", 50, proc(50, 1, "game", "/usr/bin/game", 1001, screen),
			event.Owner{User: "teacher"},
		},
		{
			"an account of a directory, signed in", 50, proc(50, 1, "game", "/usr/bin/game", 1234567, "/"),
			event.Owner{User: `SCHOOL\far.pupil`, Origin: event.Origin{Domain: "SCHOOL"}},
		},
		{
			"sudo in a person's session", 50, proc(50, 49, "nmap", "/usr/bin/nmap", 0, screen, "loginuid", "1007", "sessionid", "3"),
			event.Owner{User: "pupil07", Origin: event.Origin{Session: "3", Seat: "seat0", RunsAs: "root"}},
		},
		{
			"a service that a technician restarted by hand acts for everybody", 50,
			proc(50, 1, "squid", "/usr/sbin/squid", 0, "/system.slice/squid.service", "loginuid", "1001", "sessionid", "2"),
			event.Owner{User: "root"},
		},
		{
			"sudo without logind, under the person's shell", 50, join(
				proc(50, 49, "nmap", "/usr/bin/nmap", 0, "/", "loginuid", "1001"), proc(49, 48, "sudo", "/usr/bin/sudo", 0, "/"),
				proc(48, 1, "bash", "/bin/bash", 1001, "/")),
			event.Owner{User: "teacher", Origin: event.Origin{RunsAs: "root"}},
		},
		{
			"the system's resolver", 50, proc(50, 1, "systemd-resolve", "/usr/lib/systemd/systemd-resolved", 991, "/system.slice/systemd-resolved.service"),
			event.Owner{Unknown: whyResolver, Origin: event.Origin{Reason: event.ReasonResolver}},
		},
		{
			"a container's account is not the device's of the same number", 50, proc(50, 1, "node", "/usr/bin/node", 1007, docker),
			event.Owner{Unknown: whyContainer, Origin: event.Origin{App: "docker:4f1c2ab94f1c", Reason: event.ReasonContainer}},
		},
		{
			"a container's root is nobody of the device's", 50, proc(50, 1, "sh", "/bin/sh", 0, docker),
			event.Owner{Unknown: whyContainer, Origin: event.Origin{App: "docker:4f1c2ab94f1c", Reason: event.ReasonContainer}},
		},
		{
			"a person's own container", 50, proc(50, 1, "node", "/usr/bin/node", 100999, docker, "uid_map", "0 1007 1\n1 100000 65536\n"),
			event.Owner{User: "pupil07", Origin: event.Origin{Session: "3", Seat: "seat0"}},
		},
		{
			"a number that a person was lent", 50, proc(50, 1, "node", "/usr/bin/node", 100999, "/"),
			event.Owner{User: "pupil07"},
		},
		{
			"a container of root's with numbers of its own", 50, proc(50, 1, "sh", "/bin/sh", 900000, docker, "uid_map", "0 900000 65536\n"),
			event.Owner{Unknown: whyContainer, Origin: event.Origin{Reason: event.ReasonContainer}},
		},
		{
			"an account without a name", 50, proc(50, 1, "game", "/usr/bin/game", 5555, "/"),
			event.Owner{Unknown: whyNoAccount, Origin: event.Origin{Reason: event.ReasonNoName}},
		},
		{
			"the kernel's own thread", 50, proc(50, 2, "nfsd", "", 0, "/"),
			event.Owner{Unknown: whyKernel, Origin: event.Origin{Reason: event.ReasonKernel}},
		},
		{
			"flatpak, by its sandbox", 50, proc(50, 1, "browser", "/app/bin/browser", 1007, screen, "root/.flatpak-info", "[Application]\nname=org.invented.Browser\n"),
			// Only a start looks into the sandbox.
			event.Owner{User: "pupil07", Origin: event.Origin{Session: "3", Seat: "seat0"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := resolverOf(t, machine(t, school(c.tree)))
			got := r.Complete(event.Owner{PID: c.pid})
			if got.User != c.want.User || got.Reason != c.want.Reason || got.RunsAs != c.want.RunsAs || got.Remote != c.want.Remote ||
				(c.want.Unknown != "" && got.Unknown != c.want.Unknown) || (c.want.Session != "" && got.Session != c.want.Session) ||
				got.Seat != c.want.Seat || (c.want.Domain != "" && got.Domain != c.want.Domain) || (c.want.App != "" && got.App != c.want.App) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if (got.User == "") != (got.Reason != "") {
				t.Errorf("an account is known, or there is a reason: got %q, %q", got.User, got.Reason)
			}
		})
	}
}

func TestAStartFindsScriptAppAndWhereThePersonSits(t *testing.T) {
	uid := uint32(1008)
	tree := school(join(
		proc(50, 49, "python3", "/usr/bin/python3.11", 1008, "/", "cmdline", "python3\x00-u\x00games/g.py\x00canary\x00",
			"cwd/games/g.py", "print()"),
		proc(49, 48, "bash", "/bin/bash", 1008, "/"), proc(48, 1, "sshd", "/usr/sbin/sshd", 0, "/"),
		proc(60, 1, "browser", "/app/bin/browser", 1007, screen, "root/.flatpak-info", "[Application]\nname=org.invented.Browser\n")))
	delete(tree, "run/systemd/users/1008")
	delete(tree, "run/systemd/sessions/8")
	r := resolverOf(t, machine(t, tree))
	got := r.Started(event.Start{PID: 50, PPID: 49, UID: &uid, Comm: "python3", Filename: "/usr/bin/python3", Exe: "/usr/bin/python3.11"}, true)
	// cwd is a folder here and not a link, so the script's place is not known.
	if got.User != "pupil08" || got.Remote != event.RemoteSSH || got.Parent != "bash" || got.Script != "" {
		t.Errorf("got %+v", got)
	}
	if got := r.Started(event.Start{PID: 60}, true); got.App != "flatpak:org.invented.Browser" || got.User != "pupil07" || got.Process != "browser" {
		t.Errorf("got %+v", got)
	}
}

// A process that is gone cannot be told from a container's with the same
// number.
func TestAProcessThatIsGoneMayHaveBeenAContainers(t *testing.T) {
	r := resolverOf(t, machine(t, school(proc(50, 1, "node", "/usr/bin/node", 1007, docker))))
	uid := uint32(1007)
	if got := r.Complete(event.Owner{PID: 70, UID: &uid}); got.User != "pupil07" {
		t.Errorf("before any container was seen: got %+v", got)
	}
	r.Complete(event.Owner{PID: 50})
	if got := r.Complete(event.Owner{PID: 71, UID: &uid}); got.User != "" || got.Reason != event.ReasonExited {
		t.Errorf("after: got %+v", got)
	}
}

// A pid that the kernel told of names what ran, even when it has ended; another
// account's process with the same number is another.
func TestAProcessThatHasJustEndedIsStillKnown(t *testing.T) {
	r := resolverOf(t, machine(t, school(nil)))
	pupil, other := uint32(1007), uint32(1008)
	r.Started(event.Start{PID: 80, PPID: 1, UID: &pupil, Comm: "curl", Filename: "curl", Exe: "/usr/bin/curl"}, true)
	if got := r.Complete(event.Owner{PID: 80, UID: &pupil}); got.Process != "curl" || got.Exe != "/usr/bin/curl" || got.User != "pupil07" {
		t.Errorf("got %+v", got)
	}
	got := r.Complete(event.Owner{PID: 80, UID: &other})
	if got.Process != "" || got.User != "pupil08" || got.Unknown != whyGone {
		t.Errorf("another account's: got %+v", got)
	}
}

func TestWhatTheKernelSaidIsNotWrittenOver(t *testing.T) {
	r := resolverOf(t, machine(t, school(proc(50, 1, "sh", "/bin/sh", 1007, screen))))
	uid := uint32(1007)
	got := r.Complete(event.Owner{PID: 50, UID: &uid, Process: "curl", Exe: "/usr/bin/curl"})
	uid = 1008 // as the caller does with its buffer
	if got.Process != "curl" || got.Exe != "/usr/bin/curl" || got.User != "pupil07" || *got.UID != 1007 || got.Session != "3" {
		t.Errorf("got %+v", got)
	}
}

// Each connection of the account would hold capture up anew.
func TestASlowDirectoryHoldsCaptureUpOnce(t *testing.T) {
	root := machine(t, nil)
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(files{root}, time.Now, func(ctx context.Context, _ uint32) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		defer p.close()
		begun := time.Now()
		for range 30 {
			if got := p.find(1007); got.reason != event.ReasonDirectory {
				t.Errorf("got %+v", got)
			}
		}
		if took := time.Since(begun); took != directoryWait { // the bubble's time
			t.Errorf("30 connections were held up for %v", took)
		}
	})
}

func TestADirectoryThatIsAwayIsNotWaitedFor(t *testing.T) {
	root := machine(t, nil)
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		answer := make(chan string)
		p := newPeople(files{root}, time.Now, func(ctx context.Context, _ uint32) ([]byte, error) {
			asked.Add(1)
			select {
			case line := <-answer:
				return []byte(line), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		defer p.close()
		begun := time.Now()
		if got := p.find(1007); got.reason != event.ReasonDirectory || time.Since(begun) > directoryWait {
			t.Errorf("got %+v after %v", got, time.Since(begun))
		}
		answer <- "pupil07@school.example:*:1007:1:::\n"
		synctest.Wait()
		if got := p.find(1007); got.login != "pupil07@school.example" || got.domain != "school.example" || asked.Load() != 1 {
			t.Errorf("its late answer: got %+v after %d questions", got, asked.Load())
		}
		// It goes away for good: nobody waits for each event anew.
		p.find(1008)
		time.Sleep(directoryTimeout) // the bubble's time
		synctest.Wait()
		before := asked.Load()
		if got := p.find(1008); got.reason != event.ReasonDirectory || asked.Load() != before {
			t.Errorf("got %+v after %d questions more", got, asked.Load()-before)
		}
		time.Sleep(directoryAgain)
		go func() { answer <- "" }()
		if got := p.find(1008); got.reason != event.ReasonNoName || asked.Load() != before+1 {
			t.Errorf("asked again: got %+v after %d", got, asked.Load()-before)
		}
		// However many accounts are asked for at once, few questions run.
		for uid := range uint32(50) {
			p.find(20000 + uid)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.asking) > maxAsking {
			t.Errorf("%d questions at once, want at most %d", len(p.asking), maxAsking)
		}
	})
}

func TestGetentSaysThatThereIsNoSuchAccount(t *testing.T) {
	b, err := getent(t.Context(), 0)
	if err != nil || len(b) == 0 {
		t.Skipf("SKIPPED: no getent here, or no root: %v", err)
	}
	if e, ok := parsePasswd(b, 0); !ok || e.login != "root" {
		t.Errorf("of root it says %q", b)
	}
	if b, err := getent(t.Context(), 3987654321); err != nil || len(b) > 0 {
		t.Errorf("of nobody: %q, %v", b, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := getent(ended, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("when stopping: %v", err)
	}
}

func BenchmarkComplete(b *testing.B) {
	r := New(Config{})
	defer func() { _ = r.Close() }()
	uid := uint32(0)
	owner := event.Owner{PID: 1, UID: &uid}
	b.ReportAllocs()
	for b.Loop() {
		r.Complete(owner)
	}
}
