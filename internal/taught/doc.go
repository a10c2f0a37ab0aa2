// Command taught works out the hints of the starter pack from lines that people
// wrote for it: which words are typed more by a child at risk than by one at
// homework, and how much each says. Run from the root of the repository:
//
//	go run -tags grpcnotrace ./internal/taught
//
// It reads lines/<category>.txt (lines that should be noticed), lines/ordinary.txt
// and lines/hard.txt (lines that must not be), learns one weight a word or pair of
// words by logistic regression with an L1 penalty (Tibshirani 1996), scales the
// weights so that those of an ordinary line hardly ever reach what flags, and writes
// packs/starter/<category>-hints.yaml and words-ordinary.yaml. The same lines make
// the same files, on every machine; a test holds the files to them.
//
// No weight is learnt for who somebody is: words of identity, and names of people
// and places (lines/identity.txt, the list of names of internal/packdir), are left
// out (G5). What comes of it is a list of words with numbers that anybody can read,
// change and add up again; the products know nothing of how it was made.
//
// Nothing imports it.
package main
