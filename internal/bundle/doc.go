// Package bundle turns compiled rules into the files of a signed manifest and
// back. The collector makes them once for a version; a device opens them without
// parsing a rule: policy.pb holds what is small, as the protocol's CompiledRules,
// the tables are flat bytes that are read where they lie, so that a device maps
// them and the collector holds them in memory.
//
// Encode gives the same bytes for the same rules. Open takes nothing on trust but
// that the bytes are those which were signed: a file that is damaged, or made by
// a program of another age, is an error that says so, never a panic.
//
// agent/policy and collector/policy use it. It does no I/O; what opens must not
// import it to look at rules, which is internal/rules' work.
package bundle
