package enrol

import "strings"

// readIoreg finds the serial number and the UUID in what ioreg says of the
// platform. An invented machine's:
//
//	+-o J413AP  <class IOPlatformExpertDevice, id 0x10000012a, registered, matched, active, busy 0 (12 ms), retain 38>
//	    {
//	      "IOPolledInterface" = "AppleARMWatchdogTimerHibernateHandler is not serializable"
//	      "IOPlatformUUID" = "0F4C1D2E-3A5B-5C6D-8E7F-112233445566"
//	      "serial-number" = <4a3030...>
//	      "IOPlatformSerialNumber" = "C02INVENTED1"
//	    }
func readIoreg(text string) (h hardware) {
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok {
			continue
		}
		value = tidy(strings.Trim(value, `"`))
		switch strings.Trim(name, `"`) {
		case "IOPlatformSerialNumber":
			h.serial = value
		case "IOPlatformUUID":
			h.id = value
		}
	}
	return h
}
