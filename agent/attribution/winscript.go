package attribution

import (
	"slices"
	"strings"
)

// winInterpreters are those that Windows calls by other names, or that only it
// has. Options there are read in small letters.
var winInterpreters = map[string]interpreter{
	"pythonw": python, "py": python, "pyw": python, "javaw": interpreters["java"],
	"powershell": winShell, "pwsh": winShell, "wscript": winScripts, "cscript": winScripts,
}

var (
	winShell = interpreter{
		values:   []string{"-executionpolicy", "-ep", "-ex", "-exec", "-windowstyle", "-w", "-workingdirectory", "-wd", "-version", "-configurationname", "-psconsolefile"},
		code:     []string{"-c", "-command", "-encodedcommand", "-e", "-ec", "-enc"},
		script:   []string{"-file", "-f"},
		suffixes: []string{".ps1"}, words: true,
	}
	winScripts = interpreter{suffixes: []string{".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta"}}
)

// winInterpreterOf finds the interpreter that a program's file is.
func winInterpreterOf(exe string) (in interpreter, name string, ok bool) {
	name = strings.TrimSuffix(strings.ToLower(winBase(exe)), ".exe")
	if in, ok = winInterpreters[name]; !ok {
		in, ok = interpreterOf(name)
	}
	return in, name, ok
}

// winScript finds the script among the words that an interpreter was started with.
// Only one that is given with its whole path is taken, and the caller must still
// see that there is such a file: no argument may pass for a script (G11).
func winScript(exe string, words []string) string {
	in, name, ok := winInterpreterOf(exe)
	if !ok || len(words) == 0 {
		return ""
	}
	words = slices.Clone(words[:min(len(words), maxWords)])
	words[0] = name // else the interpreter's own path might pass for the script
	for i, word := range words[1:] {
		if strings.HasPrefix(word, "-") && in.words && in.suffixes != nil {
			words[i+1] = strings.ToLower(word) // PowerShell does not tell them apart
		}
	}
	if in.slashes() {
		words = slices.DeleteFunc(words, func(word string) bool { return strings.HasPrefix(word, "//") })
	}
	script := in.file(words)
	if !isWindowsPath(script) || strings.Contains(script[2:], ":") {
		return ""
	}
	return script
}

// slashes says whether options begin with two slashes, as those of Windows' own
// script hosts do.
func (in interpreter) slashes() bool { return slices.Equal(in.suffixes, winScripts.suffixes) }

// foldUsers writes the folder of whoever it is under \Users as "~": whose it is,
// the account says.
func foldUsers(file string) string {
	const users = `:\users\`
	slashed := strings.ReplaceAll(file, "/", `\`)
	rest, ok := cutPrefixFold(slashed[1:], users)
	if !ok {
		return slashed
	}
	_, rest, _ = strings.Cut(rest, `\`)
	return `~\` + rest
}
