package attribution

import (
	"slices"
	"strings"
	"testing"

	"safelight/internal/event"
)

const id64 = "4f1c2ab94f1c2ab94f1c2ab94f1c2ab94f1c2ab94f1c2ab94f1c2ab94f1c2ab9"

func TestControlGroupsNameSessionsAppsAndContainers(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       place
	}{
		{"a session", "0::/user.slice/user-1000.slice/session-3.scope\n", place{session: "3"}},
		{"a session without audit", "0::/user.slice/user-1000.slice/session-c2.scope\n", place{session: "c2"}},
		{"a session's name that is none", "0::/user.slice/session-..%2f..scope\n", place{}},
		{"flatpak", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-org.mozilla.firefox-2034.scope\n", place{app: "flatpak:org.mozilla.firefox"}},
		{"flatpak with a dash in its name", "0::/user.slice/app-flatpak-org.invented.hidden\\x2dbrowser-77.scope\n", place{app: "flatpak:org.invented.hidden-browser"}},
		{"snap", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox-61f2.scope\n", place{app: "snap:firefox"}},
		{"a snap's service", "0::/system.slice/snap.lxd.daemon.service\n", place{app: "snap:lxd"}},
		{"docker, v2", "0::/system.slice/docker-" + id64 + ".scope\n", place{app: "docker:4f1c2ab94f1c", id: id64, container: true}},
		{"docker, v1", "12:memory:/docker/" + id64 + "\n1:name=systemd:/docker/" + id64 + "\n0::/\n", place{app: "docker:4f1c2ab94f1c", id: id64, container: true}},
		{"podman of a person", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id64 + ".scope/container\n", place{app: "podman:4f1c2ab94f1c", id: id64, container: true}},
		{"kubernetes", "0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id64 + ".scope\n", place{app: "kubernetes:4f1c2ab94f1c", id: id64, container: true}},
		{"an engine without a name", "0::/default/" + id64 + "\n", place{app: "container:4f1c2ab94f1c", id: id64, container: true}},
		{"lxc", "0::/lxc.payload.classroom/init.scope\n", place{app: "lxc:classroom", container: true}},
		{"lxc, v1", "4:memory:/lxc/classroom\n", place{app: "lxc:classroom", container: true}},
		{"nspawn", "0::/machine.slice/machine-class\\x2d1.scope/payload\n", place{app: "machine:class-1", container: true}},
		{"docker's own service", "0::/system.slice/docker.service\n", place{}},
		{"nothing", "0::/\n", place{}},
		{"cut short", "0:", place{}},
	} {
		if got := parseCgroup([]byte(c.text)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestAppsAreNamedByTheirPackaging(t *testing.T) {
	const info = "[Application]\nname=org.invented.Browser\nruntime=runtime/org.freedesktop.Platform/x86_64/23.08\n\n[Instance]\nname=not-this\n"
	if got := parseFlatpakInfo([]byte(info)); got != "org.invented.Browser" {
		t.Errorf("flatpak: %q", got)
	}
	if got := parseFlatpakInfo([]byte("[Context]\nname=x\n[Application]\nname=a b;c\n")); got != "" {
		t.Errorf("a name that is none: %q", got)
	}
	for exe, want := range map[string]string{
		"/snap/firefox/4173/usr/lib/firefox/firefox": "firefox", "/var/lib/snapd/snap/hello/1/bin/hello": "hello",
		"/snap/bin/firefox": "", "/home/x/snap/firefox/1/f": "", "/snap/": "",
	} {
		if got := snapOf(exe); got != want {
			t.Errorf("snap of %s: %q, want %q", exe, got, want)
		}
	}
	const mounts = "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n612 29 0:58 / /tmp/.mount_hidden-Abc123 ro,nosuid,nodev shared:312 - fuse.Hidden\\040Browser.AppImage Hidden\\040Browser.AppImage ro,user_id=1000\n"
	mount := appImageMount("/tmp/.mount_hidden-Abc123/usr/bin/browser")
	if mount != "/tmp/.mount_hidden-Abc123" {
		t.Fatalf("mount %q", mount)
	}
	if got := parseAppImage([]byte(mounts), mount); got != "Hidden Browser.AppImage" {
		t.Errorf("AppImage: %q", got)
	}
	if got := mountStem("/tmp/.mount_kritaAAbc123"); got != "kritaA" {
		t.Errorf("AppImage without its mount: %q", got)
	}
}

func TestSessionsOfLogind(t *testing.T) {
	const head = "# This is private data. Do not parse.\nUID=1007\nUSER=pupil07\nACTIVE=1\nSTATE=active\n"
	for _, c := range []struct {
		name, text string
		want       session
	}{
		{"at the screen", head + "REMOTE=0\nTYPE=wayland\nCLASS=user\nSEAT=seat0\nSERVICE=gdm-password\n", session{id: "3", uid: 1007, seat: "seat0", class: "user"}},
		{"by ssh", head + "REMOTE=1\nCLASS=user\nREMOTE_HOST=192.0.2.9\nSERVICE=sshd\n", session{id: "3", uid: 1007, class: "user", remote: event.RemoteSSH}},
		{"by xrdp, which does not say that it is remote", head + "REMOTE=0\nTYPE=x11\nCLASS=user\nSERVICE=xrdp-sesman\n", session{id: "3", uid: 1007, class: "user", remote: event.RemoteRDP}},
		{"by something else", head + "REMOTE=1\nCLASS=user\nSERVICE=\"cockpit\"\n", session{id: "3", uid: 1007, class: "user", remote: event.RemoteOther}},
		{"ending", strings.Replace(head, "active\n", "closing\n", 1), session{id: "3", uid: 1007, closed: true}},
	} {
		if got, ok := parseSession("3", []byte(c.text)); !ok || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", c.name, got, ok, c.want)
		}
	}
	if _, ok := parseSession("3", []byte("USER=pupil07\nUID=all\n")); ok {
		t.Error("a session without an account was taken")
	}
	u := parseUser([]byte("NAME='SCHOOL\\\\pupil07'\nDISPLAY=3\nSESSIONS=3 c7 ../../etc\n"))
	if u.name != `SCHOOL\pupil07` || u.display != "3" || !slices.Equal(u.sessions, []string{"3", "c7"}) {
		t.Errorf("got %+v", u)
	}
}

func TestAccountsAsEachDirectoryWritesThem(t *testing.T) {
	for _, c := range []struct {
		line, login, account, domain, home string
	}{
		{"pupil07:x:1007:1007:A Pupil,,,:/home/pupil07:/bin/bash\n", "pupil07", "pupil07", "", "/home/pupil07"},
		{"pupil07@school.example:*:1007:1000:A Pupil:/home/school.example/pupil07:/bin/bash\n", "pupil07@school.example", "pupil07", "school.example", "/home/school.example/pupil07"},
		{`SCHOOL\pupil07:*:1007:1000::/home/SCHOOL/pupil07:/bin/bash`, `SCHOOL\pupil07`, "pupil07", "SCHOOL", "/home/SCHOOL/pupil07"},
		{"+@staff:::::\n-x::::::\n#pupil:x:1007:1::/:\npupil09:x:1007:1::/h:/s\r\n", "pupil09", "pupil09", "", "/h"},
	} {
		got, ok := parsePasswd([]byte(c.line), 1007)
		account, domain := event.SplitAccount(got.login)
		if !ok || got.login != c.login || account != c.account || domain != c.domain || got.home != c.home {
			t.Errorf("%q: got %+v, %v: %q of %q", c.line, got, ok, account, domain)
		}
	}
	for _, bad := range []string{"", "pupil07:x:1008:1::/:\n", "pupil07:x:1007\n", ":x:1007:1::/:\n", "pupil07:x:4294968303:1::/:\n"} {
		if got, ok := parsePasswd([]byte(bad), 1007); ok {
			t.Errorf("%q: got %+v", bad, got)
		}
	}
	for login, want := range map[string][2]string{
		"": {"", ""}, "@x": {"@x", ""}, "x@": {"x@", ""}, `\x`: {`\x`, ""}, `D\`: {`D\`, ""}, " a@b ": {"a", "b"}, `a\b\c`: {`a\b\c`, ""}, "a@b@c": {"a@b", "c"},
	} {
		if a, d := event.SplitAccount(login); a != want[0] || d != want[1] {
			t.Errorf("%q: %q of %q, want %q", login, a, d, want)
		}
	}
}

func TestNumbersThatPeopleAreLentForContainers(t *testing.T) {
	const lent = "pupil07:100000:65536\n1008:165536:65536\nbroken:x:1\nroot:4294967290:10\n"
	for uid, want := range map[uint32]string{100000: "pupil07", 165535: "pupil07", 165536: "1008", 99999: "", 4294967295: "root"} {
		if got, _ := parseSubuid([]byte(lent), uid); got != want {
			t.Errorf("%d is lent to %q, want %q", uid, got, want)
		}
	}
	for _, c := range []struct {
		text string
		own  bool
		root uint32
		has  bool
	}{
		{"         0          0 4294967295\n", false, 0, true},
		{"         0       1007          1\n         1     100000      65536\n", true, 1007, true},
		{"      1007       1007          1\n", true, 0, false},
		{"         0     100000      65536\n", true, 100000, true},
		{"", false, 0, false},
		{"a b c\n", false, 0, false},
	} {
		m := parseUIDMap([]byte(c.text))
		root, has := m.root()
		if m.own() != c.own || root != c.root || has != c.has {
			t.Errorf("%q: own %v, root %d %v", c.text, m.own(), root, has)
		}
	}
}

func TestG11OnlyTheScriptIsTakenFromACommandLine(t *testing.T) {
	const canary = "canary"
	for _, c := range []struct{ line, want string }{
		{"/usr/bin/python3.11 game.py canary", "game.py"},
		{"python3 -u -W error -X dev /home/p/game.py --password canary", "/home/p/game.py"},
		{"python3 -c canary canary.py", ""},
		{"python3 -m canary", ""},
		{"python3 -Bc canary", ""},
		{"python3 -", ""},
		{"bash -e ./run.sh canary", "./run.sh"},
		{"bash -o pipefail run.sh", "run.sh"},
		{"bash -lc canary", ""},
		{"/usr/bin/pwsh -NoProfile -File run.ps1 canary", "run.ps1"},
		{"pwsh -NonInteractive -Comm canary", ""},
		{"pwsh -encodedC canary", ""},
		{"java -server -jar game.jar canary", "game.jar"},
		{"bash --rcfile canary", ""},
		{"sh -s canary", ""},
		{"node --require canary server.js", "server.js"},
		{"node -e canary canary.js", ""},
		{"node --max-old-space-size=100 server.js", "server.js"},
		{"perl -w -I canary tool.pl", "tool.pl"},
		{"perl -ne canary", ""},
		{"ruby -- tool.rb canary", "tool.rb"},
		{"php -f page.php canary", "page.php"},
		{"php -r canary", ""},
		{"java -Xmx2G -cp canary -jar /opt/game.jar canary", "/opt/game.jar"},
		{"java -cp canary net.invented.canary", ""},
		{"java Hello.java canary", "Hello.java"},
		{"lua5.4 -e canary tool.lua", ""},
		{`wine C:\games\game.exe canary`, `C:\games\game.exe`},
		{"wine start canary", ""},
		{`wine64-preloader|C:\windows\system32\services.exe`, `C:\windows\system32\services.exe`},
		{`Z:\home\p\Game.EXE canary`, `Z:\home\p\Game.EXE`},
		{"node --eval=canary canary.txt", ""},
		{"node --print=canary canary.txt", ""},
		{"node --title=x server.js", "server.js"},
		{"node -pe canary canary.txt", ""},
		{"bun --eval=canary canary.js", ""},
		{"bun -e 1 canary.js", ""},
		{"python3 -cprint('canary') canary.txt", ""},
		{"python3 -c'print(1)' canary.txt", ""},
		{"python3 -Bcprint(1) canary.txt", ""},
		{"python3 -mcanary.tool canary.txt", ""},
		{"python3 -Wignore::Warning game.py canary", "game.py"},
		{"perl -nes/a/b/ canary.txt", ""},
		{"perl -i.bak -pe s/a/b/ canary.txt", ""},
		{"perl -0777ne print canary.txt", ""},
		{"perl -MList::Util=max tool.pl canary", "tool.pl"},
		{"ruby -eputs(1) canary.txt", ""},
		{"lua5.4 -eprint(1) canary.txt", ""},
		{"php -rphpinfo(); canary.txt", ""},
		{"php -dmemory_limit=1G page.php canary", "page.php"},
		{"php --run=canary canary.txt", ""},
		{"fish --command=canary canary.txt", ""},
		{"bash -lc'x' canary.txt", ""},
		{"java -Dname=m -jar /opt/game.jar canary", "/opt/game.jar"},
		{"java --module=canary/x canary.jar", ""},
		{"deno run canary", ""},
		{"bun https://canary.example/x.js", ""},
		{"python3", ""},
	} {
		line := strings.Split(c.line, " ")
		if exe, shown, ok := strings.Cut(c.line, "|"); ok {
			line = []string{shown}
			c.line = exe
		}
		exe := strings.Fields(c.line)[0]
		if isWindowsPath(exe) {
			exe = "/usr/bin/wine-preloader"
		}
		in, ok := interpreterOf(exe)
		if !ok {
			t.Errorf("%s is no interpreter", exe)
			continue
		}
		got := in.file(words([]byte(strings.Join(line, "\x00") + "\x00")))
		if got != c.want || strings.Contains(got, canary) {
			t.Errorf("%q: took %q, want %q", c.line, got, c.want)
		}
	}
	for _, exe := range []string{"/usr/bin/firefox", "/usr/bin/ssh", "/usr/bin/pythonista", ""} {
		if _, ok := interpreterOf(exe); ok {
			t.Errorf("%s is an interpreter", exe)
		}
	}
}

func TestHomesAreFoldedEvenWhereTheyAreNotKnown(t *testing.T) {
	for _, c := range []struct{ file, home, want string }{
		{"/home/pupil07/games/g.py", "/home/pupil07", "~/games/g.py"},
		{"/home/pupil07", "/home/pupil07/", "~"},
		{"/home/pupil070/g.py", "/home/pupil07", "~/g.py"},
		{"/srv/homes/pupil07/g.py", "/srv/homes/pupil07", "~/g.py"},
		{"/home/school.example/pupil07/a/g.py", "", "~/…/g.py"},
		{"/home/pupil07/g.py", "", "~/g.py"},
		{"/var/home/pupil07/a/b/g.py", "", "~/…/g.py"},
		{rootHome + "g.py", "", "~/g.py"},
		{"/usr/share/g.py", "/", "/usr/share/g.py"},
		{`C:\users\pupil07\Desktop\g.exe`, "", `~\Desktop\g.exe`},
		{`Z:\home\pupil07\g.exe`, "/home/pupil07", "~/g.exe"},
		{`C:\games\g.exe`, "/home/pupil07", `C:\games\g.exe`},
	} {
		got := foldHome(c.file, c.home)
		if got != c.want || (strings.Contains(got, "pupil07") && c.home != "") {
			t.Errorf("%s in %s: got %s, want %s", c.file, c.home, got, c.want)
		}
	}
}

func TestAResolverOfTheSystemsIsNobody(t *testing.T) {
	if !resolver("/usr/lib/systemd/systemd-resolved", "systemd-resolve", 991) || !resolver("/usr/sbin/dnsmasq", "dnsmasq", 0) {
		t.Error("the system's resolver was not known")
	}
	if resolver("/home/pupil07/dnsmasq", "dnsmasq", 1007) || resolver("/usr/bin/firefox", "firefox", 0) {
		t.Error("a person's program was taken for the system's resolver")
	}
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{
		"0::/user.slice/user-1000.slice/session-3.scope\n", "0::/app-flatpak-a\\x2db-1.scope", "[Application]\nname=a.b\n",
		"UID=1\nSERVICE=\"x\\\"y\"\n", "a:b:7:1::/h:/s\n", "0 1000 1\n1 100000 65536\n", "python3\x00-W\x00x\x00a.py\x00", "Name:\tx\nUid:\t7\t7\nPPid:\t2\n",
		"1 2 0:1 / /tmp/.mount_aBcdefg r - fuse x\n", `C:\users\x\y.exe`,
	} {
		f.Add([]byte(seed), uint32(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, uid uint32) {
		p := parseCgroup(b)
		if p.session != "" && !sessionID(p.session) {
			t.Errorf("session %q would leave its folder", p.session)
		}
		parseFlatpakInfo(b)
		if s, ok := parseSession("1", b); ok && s.id != "1" {
			t.Error("a session changed its name")
		}
		for _, id := range parseUser(b).sessions {
			if !sessionID(id) {
				t.Errorf("session %q would leave its folder", id)
			}
		}
		if e, ok := parsePasswd(b, uid); ok && (e.login == "" || e.uid != uid) {
			t.Errorf("got %+v", e)
		}
		parseSubuid(b, uid)
		parseUIDMap(b).root()
		parseStatus(b)
		parseAppImage(b, "/tmp/.mount_aBcdefg")
		appImageMount(string(b))
		all := words(b)
		for _, in := range interpreters {
			if got := in.file(all); got != "" && !slices.Contains(all, got) {
				t.Errorf("%q is no word of the line", got)
			}
		}
		foldHome(string(b), "/home/x")
	})
}
