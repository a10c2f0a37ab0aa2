package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"safelight/installer/policies"
	"safelight/internal/version"
)

const usage = `safelight-browser-policies apply|remove|version [--root FOLDER]

apply   asks the browsers of this device to leave encrypted DNS and Encrypted
        Client Hello off, as /etc/safelight-browser-policies.yaml says; the
        school's own policies come first, and what it does is said line by line
remove  takes back what apply has done, and nothing else

/etc/safelight-browser-policies.yaml, which no package owns, may say:
  private_windows: off                 # close private and guest windows too
  browsers: [chrome, edge, firefox]    # these alone; also chromium
`

// The files, from the root.
const (
	configFile = "etc/safelight-browser-policies.yaml"
	stateFile  = "var/lib/safelight-browser-policies/state.json"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "safelight-browser-policies:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("safelight-browser-policies", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	root := flags.String("root", "/", "the folder that the system lies in")
	flags.Usage = func() { fmt.Fprint(out, usage) }
	if len(args) == 0 {
		return errors.New("want a verb: apply or remove; --help says more")
	}
	verb := args[0]
	if verb == "--help" || verb == "-h" || verb == "help" {
		flags.Usage()
		return nil
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is one word too many; --help says more", flags.Arg(0))
	}
	switch verb {
	case "apply":
		conf, err := readConfig(filepath.Join(*root, configFile))
		if err != nil {
			return err
		}
		return each(*root, out, conf)
	case "remove":
		return each(*root, out, config{Browsers: []string{}})
	case "version":
		_, err := fmt.Fprintln(out, version.Version)
		return err
	default:
		return fmt.Errorf("%q: want apply or remove; --help says more", verb)
	}
}

// config is what the school has chosen. Browsers nil are all of them.
type config struct {
	PrivateWindows string   `yaml:"private_windows"`
	Browsers       []string `yaml:"browsers"`
}

func readConfig(name string) (c config, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("reading %s: %w", name, err)
	}
	if !slices.Contains([]string{"", "on", "off"}, c.PrivateWindows) {
		return c, fmt.Errorf("reading %s: private_windows %q: want on or off", name, c.PrivateWindows)
	}
	for _, b := range c.Browsers {
		if !slices.ContainsFunc(policies.Browsers, func(p policies.Browser) bool { return p.Name == b }) {
			return c, fmt.Errorf("reading %s: browsers: %q: want chrome, chromium, edge or firefox", name, b)
		}
	}
	return c, nil
}

// each puts every browser in the state that is wanted; one that cannot be is no
// reason to leave the others.
func each(root string, out io.Writer, conf config) error {
	name := filepath.Join(root, stateFile)
	done, err := readState(name)
	if err != nil {
		return err
	}
	d := device{root: root, out: out, state: done}
	var failed error
	for _, b := range policies.Browsers {
		settings := b.LinuxSettings(conf.PrivateWindows == "off")
		if conf.Browsers != nil && !slices.Contains(conf.Browsers, b.Name) {
			settings = nil
		}
		failed = errors.Join(failed, d.apply(b, settings))
	}
	return errors.Join(failed, d.state.write(name))
}
