// Package weighed adds up what the words of a text weigh together.
//
// A phrase says a thing by itself. Much of what is said in other words is said by
// no phrase: "how many would it take", "to not wake up", "without mum noticing" are
// each ordinary, and together are not. Here every word, and every two that stand
// side by side, has points for each sum that it speaks for or against, and a sum
// that reaches Enough within Window words is found. No points reach it alone
// (MaxPoints), so that nothing is found by a single word, and whoever is told can
// add the sum up again by hand.
//
// Build lays terms out as flat bytes, Open reads them where they lie. The package
// is pure, and what a text costs grows with its length alone. What the sums mean
// internal/rules knows, which uses it; nobody else should import it, but the
// command that works the points out (internal/fit).
package weighed
