package enrol

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLinuxHardwareIsReadFromTheKernelAndNotOfAHost(t *testing.T) {
	for what, c := range map[string]struct {
		files map[string]string
		want  hardware
	}{
		"a laptop": {map[string]string{
			"sys/class/dmi/id/product_serial": "5CD118ABC\n", "sys/class/dmi/id/product_uuid": "4c4c4544-0031-3110-8052-b4c04f4e3332\n",
		}, hardware{"5CD118ABC", "4c4c4544-0031-3110-8052-b4c04f4e3332"}},
		"a small board": {map[string]string{"sys/firmware/devicetree/base/serial-number": "100000001234abcd\x00"}, hardware{serial: "100000001234abcd"}},
		"a container, of whose host the firmware is": {map[string]string{
			"sys/class/dmi/id/product_serial": "5CD118ABC\n", "run/systemd/container": "systemd-nspawn",
		}, hardware{}},
		"nothing": {nil, hardware{}},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := hardwareIn(root); got != c.want {
			t.Errorf("%s: %+v, want %+v", what, got, c.want)
		}
		_ = root.Close()
	}
}
