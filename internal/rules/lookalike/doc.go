// Package lookalike tells which host names are drawn like others: an a of
// another alphabet, a 1 for an l, rn for m. It follows the skeleton of Unicode
// Technical Standard 39 (section 4) with a small table of its own, for host
// names in lower case.
//
// Names drawn alike have one skeleton. That is a weak sign: it is meant for a
// school's own name and its bank's, never for millions of names. internal/rules
// uses it; nobody else should need to.
package lookalike
