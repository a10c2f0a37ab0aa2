package packdir

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"safelight/internal/rules"
)

const packYAML = "pack: our-school\ntitle: Our school\nversion: 1\n"

// dir writes files into a new folder.
func dir(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// shippedTree writes the shipped packs into a new folder.
func shippedTree(t *testing.T) string {
	t.Helper()
	files, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for name, data := range files {
		text[name] = string(data)
	}
	return dir(t, text)
}

func TestATreeOfPacksIsRead(t *testing.T) {
	root := shippedTree(t)
	got, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("got %v", slices.Sorted(maps.Keys(got)))
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestG05OnePackAloneStillBringsTheProtectedOne(t *testing.T) {
	for _, at := range []string{filepath.Join(shippedTree(t), "starter"), dir(t, map[string]string{"pack.yaml": packYAML})} {
		files, err := Read(at)
		if err != nil {
			t.Fatal(err)
		}
		if files["protected/pack.yaml"] == nil || files["protected/religion.yaml"] == nil {
			t.Errorf("%s: no protected pack", at)
		}
		if _, err := rules.Compile(files); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestG05TheProtectedPackCanNotBeChanged(t *testing.T) {
	for name, change := range map[string]func(root string) error{
		"changed": func(root string) error {
			return os.WriteFile(filepath.Join(root, "protected", "religion.yaml"), []byte("protected: religion\n"), 0o600)
		},
		"thinned": func(root string) error { return os.Remove(filepath.Join(root, "protected", "religion.yaml")) },
		"added to": func(root string) error {
			return os.WriteFile(filepath.Join(root, "protected", "more.yaml"), []byte("x"), 0o600)
		},
		"gutted": func(root string) error {
			return os.RemoveAll(filepath.Join(root, "protected", "health.yaml"))
		},
	} {
		root := shippedTree(t)
		if err := change(root); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "protected pack") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoPackIsRefusedWithTheMend(t *testing.T) {
	link := dir(t, map[string]string{"our/pack.yaml": packYAML, "secret.txt": "x"})
	if err := os.Symlink(filepath.Join(link, "secret.txt"), filepath.Join(link, "our", "a.yaml")); err != nil {
		t.Fatal(err)
	}
	linkedPack := dir(t, map[string]string{"our/pack.yaml": packYAML})
	if err := os.Symlink(filepath.Join(linkedPack, "our"), filepath.Join(linkedPack, "again")); err != nil {
		t.Fatal(err)
	}
	file := dir(t, map[string]string{"a.yaml": "x"})
	for at, want := range map[string]string{
		filepath.Join(file, "nothing"): "no such file",
		filepath.Join(file, "a.yaml"):  "it is a file: want a folder",
		file:                           "a.yaml stands outside a pack",
		dir(t, nil):                    "no pack found: want a folder with a pack.yaml",
		dir(t, map[string]string{"our/a.yaml": "x"}): "our has no pack.yaml",
		link:       "our/a.yaml is a symbolic link",
		linkedPack: "again is a symbolic link",
		dir(t, map[string]string{"our/pack.yaml": packYAML, "our/a.yml": "x"}):                             "rename it to .yaml",
		dir(t, map[string]string{"our/pack.yaml": packYAML, "our/sub/a.yaml": "x"}):                        "our/sub is a folder inside a pack",
		dir(t, map[string]string{"our/pack.yaml": packYAML, "our/a.yaml": strings.Repeat("#", maxFile+1)}): "our/a.yaml is larger than 1048576 bytes",
	} {
		_, err := Read(at)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "reading packs in "+at) {
			t.Errorf("%s: got %v, want %q", at, err, want)
		}
	}
}

func TestNotesAndHiddenFilesBesideTheRulesAreLeftAlone(t *testing.T) {
	root := dir(t, map[string]string{"our/pack.yaml": packYAML, "our/README.md": "x", "our/.a.yaml.swp": "x", ".git/config": "x", "README": "x"})
	files, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if !strings.HasPrefix(name, "protected/") && !strings.HasPrefix(name, "locked/") && name != "our/pack.yaml" {
			t.Errorf("%s was read", name)
		}
	}
}
