// Package phrases finds phrases in what people type, however it is written.
//
// Build turns a list of phrases into flat bytes; Open reads such bytes where
// they lie (in memory, or in a file mapped read-only) without parsing them;
// Search finds every phrase in a text, read in every way it may be meant:
//
//	plain          SELF  Harm         case, accents, full-width and styled letters, marks
//	look-alikes    sеlf hаrm          Cyrillic and Greek letters inside a Latin word
//	               kiII               a capital I within small letters, as an l
//	leet           s3lf h4rm, k!ll    digits and signs as letters, 1 once as i and once as l
//	               1 want, k 1 l l    a 1 beside words as i, digits in a row of letters
//	joined         s.e.l.f, su_icide  pieces put together, letters spelled out
//	stretched      suiciiide          a letter three times or more
//
// Plain reads one way only: host names are no place for guesses.
//
// A phrase is found as whole words, so that nothing is found within another
// word; scripts that write no spaces (Chinese, Japanese, Thai, Lao, Khmer,
// Burmese) are the exception: there every character counts as a word, and a
// phrase of two or more is found anywhere within a run. Parts of words are
// found only for phrases that ask for it.
//
// Every hit is exact: words are compared letter by letter, never by a hash
// alone, since a false alarm may harm a child. The package is pure: no I/O, no
// clock, no state outside a Scratch; the same table and text give the same hits
// on every system. What a text costs grows with its length alone (Steps).
//
// internal/rules uses it and says what the hits mean. Nobody else should import
// it, but the benchmark.
package phrases
