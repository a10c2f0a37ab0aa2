// Package seal makes what names a person, or says what they did, unreadable to
// whoever has the database alone.
//
//	sealing.key      the school's epoch secrets; beside the database, never in a backup
//	└ wraps          a random key for each subject; the wrapped keys lie in the database
//	  └ seals        the subject's account and name, and every event's words
//
// Erasing a subject means a new epoch: the keys of all others are wrapped
// anew, and the former epoch's secret is destroyed, so that no copy of the
// database, however old, opens the one key that was left out. See
// docs/adr/0012.
//
// It also seals to people's own public keys (To and Identity, HPKE of RFC
// 9180), for what the server itself must not be able to read back.
//
// It knows no database and no noun of the collector. The store, which keeps
// rows, and collector/server, which keeps files, use it; nobody else should.
package seal
