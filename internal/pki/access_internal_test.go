package pki

import "testing"

func TestASecretIsForItsFoldersServiceTooAndForNobodyElseThere(t *testing.T) {
	const service = "S-1-5-80-3812605301-1904039114-100697405-1565356891-2721691186"
	for folder, want := range map[string]string{
		"": ownerOnly,
		"D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BU)(A;OICI;FA;;;S-1-5-21-1-2-3-1001)":        ownerOnly,
		"D:PAI(A;OICI;FA;;;" + service + ")(A;OICIIO;FA;;;" + service + ")(A;;FA;;;SY)": ownerOnly + "(A;;FA;;;" + service + ")",
		"D:PAI(D;OICI;FA;;;" + service + ")":                                            ownerOnly,
	} {
		if got := secretList(folder); got != want {
			t.Errorf("in a folder %s the list is %s, want %s", folder, got, want)
		}
	}
}
