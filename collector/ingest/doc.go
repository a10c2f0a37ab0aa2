// Package ingest takes in what devices deliver: it knows the device from its
// certificate, checks every record for itself, corrects its clock, has it
// stored together with other devices' records in one transaction, and only then
// acknowledges it.
//
// It promises that an acknowledged record is on disk, that one bad record is
// answered by name and stops no other, that sending again is harmless, and that
// it holds a bounded number of records however many devices send at once: a
// stream is read no further while its last batches wait.
//
// It does not look at what events mean; the gatherer, which it wakes, does. Only
// collector/server imports it.
package ingest
