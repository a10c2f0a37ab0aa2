package policies

import "encoding/json"

// Policy is one setting under the name that a browser knows. Value is a bool, an
// int, a string, or a Group of them.
type Policy struct {
	Name  string
	Value any
}

// Group is a setting made of settings.
type Group []Policy

// MarshalJSON writes the settings in their order.
func (g Group) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, p := range g {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(p.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p.Value)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

// Browser is one program and where it looks for policies.
type Browser struct {
	Name, Title string
	Linux       string // the file, from the root
	Under       string // what the settings stand under in that file; empty: nothing
	Registry    string // the key on Windows
	Domain      string // of managed preferences on macOS
	// Names are visible to the device with these set.
	Names Group
	// Private closes private and guest windows.
	Private Group
	// Windows is set there besides: elsewhere packets show what the browser's own
	// resolver asks, and there only what Windows is asked is seen.
	Windows Group
	// Macintosh is what has to be set there for the rest to count.
	Macintosh Group
}

// Browsers are those that there are templates for. The names are of the browsers'
// own lists: chromeenterprise.google/policies, learn.microsoft.com/deployedge and
// mozilla.github.io/policy-templates.
var Browsers = []Browser{
	chromium("chrome", "Google Chrome", "/etc/opt/chrome/policies/managed/safelight.json", `Google\Chrome`, "com.google.Chrome", "IncognitoModeAvailability"),
	chromium("chromium", "Chromium", "/etc/chromium/policies/managed/safelight.json", `Chromium`, "org.chromium.Chromium", "IncognitoModeAvailability"),
	chromium("edge", "Microsoft Edge", "/etc/opt/edge/policies/managed/safelight.json", `Microsoft\Edge`, "com.microsoft.Edge", "InPrivateModeAvailability"),
	{
		Name: "firefox", Title: "Mozilla Firefox", Linux: "/etc/firefox/policies/policies.json", Under: "policies",
		Registry: root + `Mozilla\Firefox`, Domain: "org.mozilla.firefox",
		Names: Group{
			{"DNSOverHTTPS", Group{{"Enabled", false}, {"Locked", true}}},
			{"DisableEncryptedClientHello", true},
		},
		Private:   Group{{"DisablePrivateBrowsing", true}},
		Macintosh: Group{{"EnterprisePoliciesEnabled", true}},
	},
}

const root = `HKEY_LOCAL_MACHINE\SOFTWARE\Policies\`

// chromium is a browser made of Chromium; the setting of private windows has
// another name in Edge.
func chromium(name, title, file, key, domain, private string) Browser {
	const disabled = 1
	return Browser{
		Name: name, Title: title, Linux: file, Registry: root + key, Domain: domain,
		Names:   Group{{"DnsOverHttpsMode", "off"}, {"EncryptedClientHelloEnabled", false}},
		Private: Group{{private, disabled}, {"BrowserGuestModeEnabled", false}},
		Windows: Group{{"BuiltInDnsClientEnabled", false}},
	}
}

// LinuxSettings are the settings of a browser on Linux.
func (b Browser) LinuxSettings(private bool) Group { return b.settings(private, nil) }

func (b Browser) settings(private bool, more Group) Group {
	all := append(Group{}, b.Names...)
	all = append(all, more...)
	if private {
		all = append(all, b.Private...)
	}
	return all
}
