package ossvc

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// Verbs are what Do takes.
var Verbs = []string{"install", "uninstall", "start", "stop", "restart", "status"}

// Short says in a line what a verb does, for its help.
func Short(verb string) string {
	if verb == "status" {
		return "Ask the system's service manager how the service stands."
	}
	return "Have the system's service manager " + verb + " the service."
}

// Args are what an installed program's arguments end with, so that it knows who
// started it, and where its log goes if the manager keeps none.
func Args(logFile string) []string {
	if runtime.GOOS == "linux" { // journald
		return []string{"--service"}
	}
	return []string{"--service", "--log-file", logFile}
}

// Do carries out a verb by its word and says what came of it.
func (s *Service) Do(verb string) (said string, err error) {
	switch verb {
	case "install":
		return s.name + " is installed and starts with the machine; start it now with `service start`", s.Install()
	case "uninstall":
		return s.name + " is uninstalled; its state stays", s.Uninstall()
	case "start":
		return s.name + " started", s.Start()
	case "stop":
		return s.name + " stopped", s.Stop()
	case "restart":
		return s.name + " restarted", s.Restart()
	case "status":
		st, err := s.Status()
		return s.name + ": " + string(st), err
	}
	return "", fmt.Errorf("service verb %q: want one of %v", verb, Verbs)
}

// Verb is a program's service verb: it describes this executable as a service,
// carries the verb out and prints what came of it.
func Verb(w io.Writer, verb string, args []string, c Config) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	c.Executable = exe
	s, err := New(c)
	if err != nil {
		return err
	}
	said, err := s.Do(verb)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, said)
	return err
}
