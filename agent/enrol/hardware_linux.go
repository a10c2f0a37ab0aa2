package enrol

import (
	"io"
	"os"
)

func readHardware() hardware {
	root, err := os.OpenRoot("/")
	if err != nil {
		return hardware{}
	}
	defer root.Close()
	return hardwareIn(root)
}

// hardwareIn reads what the kernel has of the firmware: of SMBIOS, readable by root
// and by who may read everything, or of a device tree, whose texts end in a zero.
func hardwareIn(root *os.Root) hardware {
	if inContainer(root) {
		return hardware{}
	}
	h := hardware{serial: firstOf(root, "sys/class/dmi/id/product_serial"), id: firstOf(root, "sys/class/dmi/id/product_uuid")}
	if h == (hardware{}) {
		h.serial = firstOf(root, "sys/firmware/devicetree/base/serial-number")
	}
	return h
}

func firstOf(root *os.Root, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return "" // another firmware, or no right to read it
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return ""
	}
	return tidy(string(data))
}
