// Package audit keeps the record: who looked at what and who changed what, in a
// Merkle tree (golang.org/x/mod/sumdb/tlog) whose root is signed after every
// batch with a key of its own.
//
//	record (JSON) + salt --SHA-256--> leaf --tlog--> hashes --> root --signed--> checkpoint
//	     erasable                     stays                                      goes out to devices
//
// A look is on disk before what was looked at is shown: Record returns after its
// batch is committed, and looks that come at the same time share a batch. A
// change is written into the store's outbox in the transaction that makes it and
// moved into the tree soon after, so that neither is ever without the other.
//
// Verify recomputes everything from the stored records. It finds an edit, a
// removal, a swap, and whatever else was changed behind the newest checkpoint;
// a cut tail and an older database it finds by the checkpoints that others hold.
//
// The record holds references and pseudonyms, no words and no pupils' names.
// collector/server builds it, collector/admin shows it; nobody else writes it.
package audit
