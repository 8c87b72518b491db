package expr

import "fmt"

// Error is what is wrong with an expression, at byte offsets of its text.
type Error struct {
	Off, Len int    // the part that is wrong; Len is at least 1 unless it stands at the end of the text
	Code     string // one of the Code constants
	Msg      string
	Hint     string // what to write instead, or the nearest name; may be empty
}

// The codes of Error.
const (
	CodeSyntax   = "F030" // not an expression
	CodeField    = "F031" // unknown field
	CodeFunction = "F032" // unknown function
	CodeType     = "F033" // operand or argument of a wrong type
	CodeArgs     = "F034" // wrong number of arguments
	CodeSpelling = "F035" // an operator of another language
	CodeConstant = "F036" // a constant part that cannot be computed
	CodeLimit    = "F037" // too long or nested too deeply
	CodeNull     = "F038" // a warning: a comparison with NULL is never true
)

// Error implements the error interface.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s at %d: %s", e.Code, e.Off+1, e.Msg)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}
