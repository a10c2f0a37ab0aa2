package phrases

// How says what had to be read into a text before a phrase was found in it; 0
// for a plain reading. It is a set of bits.
type How uint16

// The ways of reading, mildest first.
const (
	Accents     How = 1 << iota // é as e
	FullWidth                   // ｅ as e
	Styled                      // 𝓮, ⓔ and ᴇ as e
	Hidden                      // characters between the letters that are not drawn
	LookAlike                   // Cyrillic е in a Latin word
	Digits                      // 3 and € as e
	Stretched                   // eeee as e
	PutTogether                 // su-ici-de
	SpelledOut                  // s u i c i d e
	Respelt                     // u as you
)

var howWords = [...]string{
	"accents", "full-width letters", "letters in another style", "hidden characters", "look-alike letters",
	"digits read as letters", "stretched letters", "put together", "spelled out", "other spellings",
}

// Words says how in words for people, mildest first; none for a plain reading.
func (h How) Words() []string {
	var out []string
	for i, w := range howWords {
		if h&(1<<i) != 0 {
			out = append(out, w)
		}
	}
	return out
}
