package attribution

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// interpreter says how one kind of interpreter is given its script.
type interpreter struct {
	// values are the options that take the next word with them.
	values []string
	// code are the options after which there is no script: what runs stands on
	// the command line, and is nobody's business.
	code []string
	// script are the options whose value is the script.
	script []string
	// suffixes, where set, are the only ends that a script's name may have.
	suffixes []string
	// words says that an option of one dash is one word ("-server"), not letters.
	words bool
}

var (
	shell    = interpreter{values: []string{"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}, code: []string{"-c", "-s"}}
	python   = interpreter{values: []string{"-W", "-X", "--check-hash-based-pycs"}, code: []string{"-c", "-m"}}
	modernJS = interpreter{code: []string{"-e", "--eval", "-p", "--print"}, suffixes: []string{".ts", ".js", ".mjs", ".tsx", ".jsx"}}
	wine     = interpreter{suffixes: []string{".exe", ".msi", ".bat", ".cmd", ".com", ".lnk"}}
)

// interpreters by the name of their file, without a version.
var interpreters = map[string]interpreter{
	"bash": shell, "sh": shell, "dash": shell, "ash": shell, "zsh": shell, "ksh": shell, "mksh": shell,
	"fish":   {values: []string{"-C", "--init-command", "-d", "-o", "-f"}, code: []string{"-c", "--command"}},
	"python": python, "pypy": python,
	"node": {
		values: []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--title"},
		code:   []string{"-e", "--eval", "-p", "--print", "-pe"},
	},
	"deno": modernJS, "bun": modernJS,
	"perl": {values: []string{"-I", "-M", "-m"}, code: []string{"-e", "-E"}},
	"ruby": {values: []string{"-I", "-r", "-C", "-E", "-K", "--encoding"}, code: []string{"-e"}},
	"php":  {values: []string{"-d", "-c", "-z"}, code: []string{"-r", "-R", "-B", "-E", "-a", "--run", "--process-code", "--process-begin", "--process-end"}, script: []string{"-f", "-F"}},
	"lua":  {values: []string{"-l"}, code: []string{"-e"}}, "luajit": {values: []string{"-l", "-j", "-O"}, code: []string{"-e"}},
	"tclsh": {}, "wish": {}, "love": {},
	"Rscript": {code: []string{"-e"}},
	"gjs":     {values: []string{"-I"}, code: []string{"-c"}},
	"pwsh": {
		values: []string{"-ExecutionPolicy", "-ep", "-WorkingDirectory", "-wd"},
		code:   []string{"-c", "-Command", "-EncodedCommand", "-e", "-ec"}, script: []string{"-File", "-f"}, words: true,
	},
	"mono": {values: []string{"--config"}, suffixes: []string{".exe", ".dll"}}, "dotnet": {suffixes: []string{".dll", ".exe"}},
	"java": {
		values: []string{"-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "--add-exports"},
		code:   []string{"-m", "--module"}, script: []string{"-jar"}, suffixes: []string{".jar", ".java"}, words: true,
	},
	"wine": wine, "wine64": wine, "wine-preloader": wine, "wine64-preloader": wine, "wineloader": wine, "wineloader64": wine,
}

var version = regexp.MustCompile(`[-.]?[0-9][0-9.]*$`)

// interpreterOf finds the interpreter that a program's file is: python3.11,
// /usr/lib/jvm/.../bin/java, perl5.36.0, lua5.4, wine64-preloader.
func interpreterOf(exe string) (interpreter, bool) {
	name := path.Base(exe)
	if in, ok := interpreters[name]; ok {
		return in, true
	}
	in, ok := interpreters[version.ReplaceAllString(name, "")]
	return in, ok
}

// file finds the script among the words that an interpreter was started with;
// words[0] is the interpreter's own name. It returns nothing where there is none
// or where it cannot be told from other words: no argument may pass for one
// (G11), so the caller must still see that there is such a file.
func (in interpreter) file(words []string) string {
	if len(words) > 0 && isWindowsPath(words[0]) && in.fits(words[0]) {
		return words[0] // Wine shows its program in its own place
	}
	for i := 1; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			return in.checked(words, i+1)
		case slices.Contains(in.script, word):
			return in.checked(words, i+1)
		case slices.Contains(in.code, word), in.joined(word):
			return ""
		case slices.Contains(in.values, word):
			i++
		case word == "-" || word == "":
			return "" // the script comes by standard input
		case word[0] == '-' || (word[0] == '+' && len(word) == 2):
		default:
			return in.checked(words, i)
		}
	}
	return ""
}

// joined says whether a word begins the code without ending there: letters in
// one, "-lc" and "-ne", with the code after them, "-cprint(1)", or a long option
// with its value, "--eval=print(1)". In doubt it does: an argument must not pass
// for a script (G11).
func (in interpreter) joined(word string) bool {
	if len(word) < 3 || word[0] != '-' {
		return false
	}
	if word[1] == '-' {
		name, _, has := strings.Cut(word, "=")
		return has && slices.Contains(in.code, name)
	}
	plain := strings.Trim(word[1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	if plain && in.words { // "-Comm" is "-Command"
		return slices.ContainsFunc(in.code, func(code string) bool { return begins(code, word) })
	}
	if plain {
		return strings.ContainsFunc(word[1:], func(r rune) bool { return slices.Contains(in.code, "-"+string(r)) })
	}
	if in.words {
		return false
	}
	for _, r := range word[1:] {
		option := "-" + string(r)
		if slices.Contains(in.values, option) {
			return false // the rest is its value
		}
		if slices.Contains(in.code, option) {
			return true
		}
	}
	return false
}

func begins(word, short string) bool {
	_, ok := cutPrefixFold(word, short)
	return ok
}

func (in interpreter) checked(words []string, i int) string {
	if i >= len(words) || len(words[i]) > 4096 || !in.fits(words[i]) || strings.Contains(words[i], "://") {
		return ""
	}
	return words[i]
}

func (in interpreter) fits(file string) bool {
	if in.suffixes == nil {
		return file != ""
	}
	file = strings.ToLower(file)
	return slices.ContainsFunc(in.suffixes, func(s string) bool { return strings.HasSuffix(file, s) })
}

// isWindowsPath knows Wine's paths, C:\games\game.exe.
func isWindowsPath(s string) bool {
	return len(s) > 3 && s[1] == ':' && (s[2] == '\\' || s[2] == '/')
}

// words takes a command line, as /proc/PID/cmdline has it, apart.
func words(cmdline []byte) []string {
	s := strings.TrimRight(string(cmdline), "\x00")
	if s == "" {
		return nil
	}
	return strings.SplitN(s, "\x00", maxWords)
}

// maxWords is how far into a command line a script is looked for.
const maxWords = 64

// foldHome writes the home folder as "~": whose it is, the account says. home
// is empty where it is not known; folders that usually hold homes are then
// folded with the whole of what may be a name.
func foldHome(file, home string) string {
	if isWindowsPath(file) {
		return foldWindows(file, home)
	}
	if home = strings.TrimRight(home, "/"); len(home) > 1 {
		if file == home {
			return "~"
		}
		if rest, ok := strings.CutPrefix(file, home+"/"); ok {
			return "~/" + rest
		}
	}
	for _, homes := range []string{"/home/", "/var/home/", "/Users/"} {
		rest, ok := strings.CutPrefix(file, homes)
		if !ok {
			continue
		}
		// /home/DOMAIN/NAME is as usual as /home/NAME: of folders between, none
		// is kept.
		if parts := strings.Split(rest, "/"); len(parts) > 2 {
			return "~/…/" + parts[len(parts)-1]
		}
		return "~/" + path.Base(rest)
	}
	if rest, ok := strings.CutPrefix(file, rootHome); ok {
		return "~/" + rest
	}
	return file
}

const rootHome = "/root/"

// foldWindows folds C:\users\NAME; Wine's drive Z: is the machine's own root.
func foldWindows(file, home string) string {
	slashed := strings.ReplaceAll(file, `\`, "/")
	if file[0] == 'Z' || file[0] == 'z' {
		return foldHome(slashed[2:], home)
	}
	rest, ok := cutPrefixFold(slashed[2:], "/users/")
	if !ok {
		return file
	}
	_, rest, _ = strings.Cut(rest, "/")
	return `~\` + strings.ReplaceAll(rest, "/", `\`)
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
