package event

// IsPerson says whether an account's number is one that Linux gives to people,
// and not to the system and its services: the ranges are those of shadow's
// login.defs and of systemd (dynamic users, nobody).
func IsPerson(uid uint32) bool {
	const first, nobody, none16, none32 = 1000, 65534, 65535, 1<<32 - 1
	const firstService, lastService = 61184, 65519 // greeters, DynamicUser=
	return uid >= first && uid != nobody && uid != none16 && uid != none32 && (uid < firstService || uid > lastService)
}
