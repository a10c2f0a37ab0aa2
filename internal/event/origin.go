package event

import "strings"

// Origin is what is known of a process besides its program and its account:
// where it came from and where the person sits. All of it may be empty.
type Origin struct {
	PPID   int    `json:"ppid,omitempty"`
	Parent string `json:"parent,omitempty"` // the parent's name
	// Script is the file that an interpreter runs, the home folder written as
	// "~". No other argument is ever kept (G11).
	Script string `json:"script,omitempty"`
	// App names what packages the program, as "kind:name": flatpak, snap,
	// appimage, bundle (macOS), msix (Windows), docker, podman, lxc, machine, kubernetes
	// or container.
	App string `json:"app,omitempty"`

	// Domain is the directory the account comes from; empty for a local one
	// and where the system does not say.
	Domain  string `json:"domain,omitempty"`
	Session string `json:"session,omitempty"`
	Seat    string `json:"seat,omitempty"`
	Remote  Remote `json:"remote,omitempty"`
	// RunsAs is the account that the program runs under where User is the one
	// that signed in (sudo, su).
	RunsAs string `json:"runs_as,omitempty"`

	// Reason says in a word why the account is not known; Unknown says it, and
	// what else is missing, in a sentence.
	Reason Reason `json:"unknown_reason,omitempty"`
}

// Remote says that a person sits elsewhere, and how they reached the machine.
// Where they sit is not kept.
type Remote string

// The ways to sit elsewhere.
const (
	RemoteSSH   Remote = "ssh"
	RemoteRDP   Remote = "rdp"
	RemoteOther Remote = "other"
)

// Reason is why the account behind an observation is not known.
type Reason string

// The reasons there are. Each has its words for people in the console.
const (
	// ReasonExited: the process or its socket was gone before it could be read.
	ReasonExited Reason = "exited"
	// ReasonNoHolder: the socket is there, and no process was seen to hold it.
	ReasonNoHolder Reason = "no-holder"
	// ReasonNotPermitted: the system does not let the agent see it.
	ReasonNotPermitted Reason = "not-permitted"
	// ReasonResolver: the system's own resolver asked, for whom it does not say.
	ReasonResolver Reason = "resolver"
	// ReasonKernel: the kernel itself sent it.
	ReasonKernel Reason = "kernel"
	// ReasonContainer: it runs in a container whose accounts are not the device's.
	ReasonContainer Reason = "container"
	// ReasonNoName: the account's number has no name on this device.
	ReasonNoName Reason = "no-name"
	// ReasonDirectory: the directory of accounts did not answer in time.
	ReasonDirectory Reason = "directory"
	// ReasonSeveral: more than one account fits.
	ReasonSeveral Reason = "several"
	// ReasonUnsupported: this operating system does not tell.
	ReasonUnsupported Reason = "unsupported"
)

// Reasons lists every reason.
var Reasons = [...]Reason{
	ReasonExited, ReasonNoHolder, ReasonNotPermitted, ReasonResolver, ReasonKernel, ReasonContainer,
	ReasonNoName, ReasonDirectory, ReasonSeveral, ReasonUnsupported,
}

// SplitAccount takes a login apart: "SCHOOL\j.doe" and "j.doe@school.example"
// give the account and its domain, any other is an account without one. The
// case stays as it is.
func SplitAccount(login string) (account, domain string) {
	login = strings.TrimSpace(login)
	if d, a, ok := strings.Cut(login, `\`); ok && d != "" && a != "" && !strings.Contains(a, `\`) {
		return a, d
	}
	if i := strings.LastIndexByte(login, '@'); i > 0 && i < len(login)-1 {
		return login[:i], login[i+1:]
	}
	return login, ""
}
