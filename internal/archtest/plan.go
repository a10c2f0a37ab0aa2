package archtest

// everything lets a room import whatever it likes.
var everything = []string{"..."}

// shared are the packages that both programs stand on and that know no room.
var shared = []string{"internal/event", "internal/localstate", "internal/logging", "internal/pki", "internal/version"}

// wired adds the wire for the rooms that speak it.
var wired = append([]string{"internal/wire", "proto/safelight/v1"}, shared...)

// rooms is the whole plan: every folder of product code, what it may import of
// ours, and why.
var rooms = []room{
	{"internal/event", nil, "event is the bottom layer: plain data"},
	{"internal/version", nil, "a number that everything may print"},
	{"internal/logging", nil, "the logger knows no room, so no room can be logged whole"},
	{"internal/pki", nil, "keys are handled where nothing else can go wrong"},
	{"internal/ossvc", nil, "a service manager is swapped without touching a room"},
	{"internal/localstate", nil, "places of files, known to both programs"},
	{"internal/rungroup", nil, "it runs parts without knowing them"},
	{"internal/notice", nil, "words that both programs tell everybody, and how they are written as text"},
	{"internal/cli", nil, "verbs and flags without knowing what they do"},
	{"internal/testreport", nil, "a tool for make"},
	{"internal/archtest", []string{"internal/licence"}, "it reads the tree, and is no part of it"},
	{"internal/licence", nil, "it reads licences for NOTICE and the bills of materials, and is no part of either program"},
	{"internal/rules", []string{"internal/event", "internal/rules/..."}, "judging is pure, so it gives the same verdict everywhere"},
	{"internal/rules/weighed", []string{"internal/rules/flat"}, "it adds up points, and knows nothing of what they mean"},
	{"internal/rules/flat", nil, "texts over bytes: what they mean is for the rules to know"},
	{"internal/rules/names", nil, "a table over bytes: what its sets mean is for the rules to know"},
	{"internal/rules/phrases", nil, "it finds phrases in text, and knows nothing of what they mean"},
	{"internal/rules/lookalike", nil, "it compares names, and knows no rule"},
	{"internal/timetable", nil, "a calendar: it knows a school's hours, and nobody in it"},
	{"internal/bundle", []string{"internal/event", "internal/rules/...", "proto/safelight/v1"}, "it turns compiled rules into files and back, so that rules knows no protobuf"},
	{"internal/wire", []string{"internal/event", "internal/timetable", "proto/safelight/v1"}, "it turns events and timetables into messages and back, and knows no room"},
	{"internal/packdir", []string{"packs/...", "internal/rules"}, "it reads packs from disk for rules, which does no I/O"},
	{"internal/packdir/heldback", []string{"internal/event", "internal/rules"}, "it judges the lists that the shipped words are measured by; only tests and the benchmark use it"},
	{"internal/mailbox", nil, "a mail server for demos and tests, no part of either program"},
	{"internal/pgtest", nil, "a database server for tests, no part of either program"},
	{"internal/demo", everything, "the demo drives the whole house"},
	{"internal/fit", []string{"internal/packdir", "internal/packdir/heldback", "internal/rules", "internal/rules/phrases", "internal/rules/weighed"}, "it works out the points of the starter pack's weighed words"},
	{"internal/bench/...", everything, "the benchmark drives the whole house"},
	{"internal/trialschool", []string{"collector/model", "collector/store", "internal/mailbox"}, "it drives the two programs from outside; neither may import it, so neither can lift a trial's limits (G12)"},
	{"installer/policies/...", []string{"installer/policies", "internal/version"}, "what browsers are asked for, and the tool that asks; the agent knows nothing of it"},
	{"installer/macos/...", []string{"installer/macos/pkg"}, "macOS's packages, written by nothing but the standard library"},
	{"installer/...", []string{"internal/licence", "internal/trialschool"}, "packages and what tries them from outside, no part of either program"},
	{"internal/e2etest", everything, "agent and collector in one process"},
	{"packs/...", nil, "data"},
	{"proto/...", []string{"proto/..."}, "generated"},

	{"agent", append([]string{"agent/...", "internal/cli", "internal/ossvc", "internal/packdir", "internal/rules", "internal/rungroup"}, wired...), "the agent's door knows every room of the agent"},
	{"agent/daemon", append([]string{"agent/...", "internal/cli", "internal/ossvc", "internal/packdir", "internal/rules", "internal/rungroup"}, wired...), "the agent's rooms meet here and nowhere else"},
	{"agent/source/...", []string{"internal/event", "agent/source/...", "agent/macos"}, "a source sees and does not judge, send or keep"},
	{"agent/macos", nil, "it reads what macOS says of processes, sockets and people, for those who ask"},
	{"agent/spool", nil, "the spool's records are bytes, so nothing can make it look into them"},
	{"agent/about", []string{"internal/notice", "internal/pki"}, "it keeps a page for everybody, and knows nothing of what the device saw"},
	{"agent/clock", nil, "time, and nothing else"},
	{"agent/attribution", []string{"internal/event", "agent/macos"}, "it says who, of an observation"},
	{"agent/health", append([]string{"agent/source"}, wired...), "it watches over the agent, and is handed what the other rooms know"},
	{"agent/pages", []string{"internal/event"}, "it guesses from names and times, and is handed what a site is"},
	{"agent/fingerprint", []string{"internal/event"}, "it reads programs' files into sums, and knows no rule that wants one"},
	{"agent/pipeline", append([]string{"agent/clock", "agent/source", "agent/spool", "internal/rules"}, wired...), "of its neighbours it knows the Source contract and the spool's Record, and declares the rest"},
	{"agent/shipper", append([]string{"agent/clock", "agent/spool"}, wired...), "it sends the spool's records, stamped, and knows no other room"},
	{"agent/watch", append([]string{"agent/clock"}, wired...), "it declares what it needs of the other rooms"},
	{"agent/selfcheck", append([]string{"agent/source", "agent/source/network/initial"}, wired...), "it tries the sources from outside, and is told what the pipeline saw"},
	{"agent/policy", append([]string{"internal/bundle", "internal/rules", "internal/timetable"}, wired...), "it keeps and opens what the collector signed"},
	{"agent/enrol", wired, "it knows keys and the collector, and no other room"},

	{"collector", append([]string{"collector/...", "internal/cli", "internal/ossvc", "internal/packdir", "internal/rules", "internal/rungroup", "packs/..."}, wired...), "the collector's door knows every room of the collector"},
	{"collector/server", append([]string{"collector/...", "internal/cli", "internal/ossvc", "internal/packdir", "internal/rules", "internal/rungroup", "packs/..."}, wired...), "the collector's rooms meet here and nowhere else"},
	{"collector/model", []string{"internal/event"}, "nouns, without I/O"},
	{"collector/seal", []string{"internal/pki"}, "it seals bytes, and knows neither rows nor nouns"},
	{"collector/store/...", []string{"internal/event", "collector/model", "collector/seal", "collector/store/..."}, "the store knows rows, and no wire, page or rule; it seals what it writes"},
	{"collector/audit", append([]string{"collector/model", "collector/store"}, shared...), "the tree over the record's rows: it and the store share transactions, and nobody else writes them"},
	{"collector/ingest", append([]string{"collector/model"}, wired...), "it declares what it needs of the store"},
	{"collector/alert/...", append([]string{"collector/model", "collector/alert/..."}, shared...), "gathering and telling know the store by its methods"},
	{"collector/console/...", append([]string{"collector/model", "collector/console/..."}, shared...), "pages know the store by its methods"},
	{"collector/about", []string{"collector/rate", "internal/notice", "internal/rules"}, "what everybody may read: it is handed facts, and can reach nobody's alerts"},
	{"collector/csvtext", nil, "encodings and separators, and no column"},
	{"collector/people", append([]string{"collector/csvtext", "collector/model", "internal/timetable"}, wired...), "who, when and where, and nothing of alerts"},
	{"collector/fleet", append([]string{"collector/csvtext", "collector/model"}, wired...), "devices, and nothing of alerts"},
	{"collector/policy", append([]string{"collector/model", "internal/bundle", "internal/rules/..."}, wired...), "it signs what rules compiles"},
	{"collector/lists", append([]string{"collector/model", "internal/rules"}, shared...), "names of lists, and nothing of who signs rules or is told"},
	{"collector/rate", nil, "counting, and nothing of who is counted"},
	{"collector/enrol", append([]string{"collector/model", "collector/rate"}, wired...), "it knows keys and devices, and no other room"},
	{"collector/watch", append([]string{"collector/model", "collector/rate"}, wired...), "it speaks with devices, and declares what it needs"},
	{"collector/backup", []string{"internal/localstate", "internal/pki"}, "it handles keys and files, and is handed what opens the database"},
	{"collector/admin", append([]string{"collector/model"}, shared...), "a socket for the owner's verbs; the verbs themselves are the door's"},
}

// fences keep a library in the one room that knows it.
var fences = []fence{
	{"github.com/kardianos/service", []string{"internal/ossvc"}, "a fork or a swap touches one folder"},
	{"github.com/shirou/gopsutil", []string{"agent/source/process", "agent/attribution"}, "its next major version is an import change in two folders"},
	{"github.com/cilium/ebpf", []string{"agent/source/kernel", "agent/source/network/bpf", "agent/source/process/execbpf"}, "programs are put into the kernel from two rooms, with one way of saying why not"},
	{"golang.org/x/mod", []string{"collector/audit"}, "trees and signed notes stay in one room"},
	{"github.com/wneessen/go-mail", []string{"collector/alert/notify"}, "mail is sent from one room"},
	{"modernc.org/sqlite", []string{"collector/store/...", "internal/bench"}, "the store alone opens the database"},
	{"github.com/jackc/pgx", []string{"collector/store"}, "the store alone knows what database it is on"},
	{"github.com/riverqueue/river", []string{"collector/alert/...", "collector/store/..."}, "jobs are made and worked in one place"},
	{"filippo.io/age", []string{"collector/backup"}, "backups are sealed in one room"},
	{"buf.build/go/protovalidate", []string{"collector/ingest", "collector/watch"}, "messages are validated where they come in"},
	{"github.com/emersion/go-smtp", []string{"internal/mailbox"}, "a mail server is for demos and tests"},
	{"github.com/chromedp/chromedp", nil, "a browser is driven by tests alone"},
	{"github.com/stretchr/testify", nil, "a test library has no place in a program"},
}

// releaseTags are the build tags of a release, as the Makefile's TAGS says.
// Without grpcnotrace, gRPC links a page of HTML templates into the agent.
var releaseTags = []string{"grpcnotrace"}

// targets are the systems that releases are built for.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"},
}

const small = "the agent runs on every weak laptop of a school, and carries no server code"

// bans are checked over the whole of what a program links. That the collector
// links testing is River's doing, and not ours to mend.
var bans = []ban{
	{"agent", "safelight/collector/...", "the agent carries no server code"},
	{"agent", "modernc.org/sqlite/...", small},
	{"agent", "database/sql", small},
	{"agent", "html/template", small},
	{"agent", "text/template", "it reaches methods by name, which keeps the linker from dropping dead code"},
	{"agent", "github.com/riverqueue/...", small},
	{"agent", "github.com/jackc/pgx/...", small},
	{"agent", "buf.build/go/protovalidate/...", "its runtime alone is 7 MB; the collector validates"},
	{"agent", "cel.dev/...", "see protovalidate"},
	{"agent", "github.com/wneessen/go-mail/...", "only the collector writes to people"},
	{"agent", "net/http/pprof", "a device offers no debugging port"},
	{"agent", "testing", "no test code in a release"},
	{"collector", "safelight/agent/...", "the collector carries no capture code"},
	{"collector", "github.com/gopacket/...", "the collector sees no packets"},
	{"collector", "github.com/shirou/gopsutil/...", "the collector looks at no programs"},
	{"collector", "net/http/pprof", "profiles hold memory, and memory holds names"},
}

// pure are the folders whose results depend on their arguments alone.
var pure = []string{"internal/event", "internal/bundle", "internal/rules/...", "internal/timetable", "internal/wire", "collector/model", "collector/store/..."}

// calls are what product code must not call.
var calls = []call{
	{"time", "Sleep", everything, "wait for the event itself, or for a timer and the context", map[string]string{}},
	{"time", "Now", pure, "time is a parameter here", map[string]string{
		"collector/store/open.go": "the default of WithClock, which dates migrations",
	}},
	{"time", "Since", pure, "time is a parameter here", nil},
	{"os", "*", []string{"internal/event", "internal/rules/...", "internal/timetable", "internal/wire", "collector/model"}, "no I/O here", nil},
	{"log", "*", everything, "log with the *slog.Logger that was handed in", nil},
	{"log/slog", "Default", everything, "log with the *slog.Logger that was handed in", nil},
	{"log/slog", "SetDefault", everything, "hand the logger in", nil},
}

// top is the top level. The customer fixed the first six; the rest are the
// added folders and the files that tools look for there.
var top = []string{
	"agent", "collector", "proto", "installer", "go.mod", "Makefile", "README.md",
	"internal", "packs", "extension", "docs", ".ci",
	"go.sum", ".gitignore", ".golangci.yml", "LICENSE", "NOTICE", "CONTRIBUTING.md",
}
