// Command fit works out the points of the starter pack's weighed words from lines
// that people wrote for it: which words are typed more by a child at risk than by
// one at homework, and how much each says. From the root of the repository:
//
//	make weights
//
// It reads lines/evasive/<category>.txt (lines that should be noticed), lines/ordinary
// and every line that the packs say nothing may flag, learns for each category one
// weight a word, or two words side by side, by logistic regression with an L1 penalty
// (Tibshirani 1996), and writes packs/starter/weights/<category>.txt. Weights are
// scaled so that of ordinary lines which they were not learnt from hardly any reaches
// what flags (ordinaryShare), and no line that nothing may flag does.
//
// A language other than English has a folder, lines/languages/<language>, with a file
// for each category, ordinary lines, and its own words of who somebody is and small
// words; of it come weights/<category>-<language>.txt, off until a speaker has reviewed
// them (G6). Lines of other languages speak against it where they share its words.
//
// Nothing is learnt of who somebody is: words of identity (lines/identity.txt) have no
// points, alone or beside another; those of sex (lines/sexes.txt) none alone nor beside
// a small word; those of body and age (lines/bodies.txt) and names of people and places
// none alone (G5). What comes of it is a list of words with numbers
// that anybody can read, change and add up again; the programs that ship know nothing
// of how it was made.
//
// Nothing imports it.
package main
