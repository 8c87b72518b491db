package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// styles writes a text of words so that the words' places are known from the way it is written.
var styles = map[string]func(t *rapid.T, words []string) string{
	"plain": func(t *rapid.T, words []string) string { return foldedLines(t, words, "    ", false) },
	"single": func(t *rapid.T, words []string) string {
		return "'" + strings.ReplaceAll(foldedLines(t, words, "      ", true), "’", "''") + "'"
	},
	"double": func(t *rapid.T, words []string) string {
		s := foldedLines(t, words, "     ", true)
		r := strings.NewReplacer("’", `\"`, "é", `\xe9`, "λ", `\u03bb`, "𝄞", `\U0001D11E`)
		return `"` + r.Replace(s) + `"`
	},
	"literal": func(t *rapid.T, words []string) string { return "|" + header(t) + blockLines(t, words) },
	"folded":  func(t *rapid.T, words []string) string { return ">" + header(t) + blockLines(t, words) },
}

func header(t *rapid.T) string {
	return rapid.SampledFrom([]string{"\n", "-\n", "+\n", " # about it\n"}).Draw(t, "header")
}

// foldedLines joins words by spaces or by line breaks, blank lines among them; blank says that leading and trailing
// space within lines may be more than one.
func foldedLines(t *rapid.T, words []string, indent string, quoted bool) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			switch rapid.IntRange(0, 3).Draw(t, "join") {
			case 0:
				b.WriteString("\n" + indent)
			case 1:
				b.WriteString("  \n\n" + indent)
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString(w)
	}
	return b.String()
}

// blockLines puts words on lines of a block; some lines are indented more, some are blank.
func blockLines(t *rapid.T, words []string) string {
	var b strings.Builder
	b.WriteString("    ")
	for i, w := range words {
		if i > 0 {
			switch rapid.IntRange(0, 4).Draw(t, "join") {
			case 0:
				b.WriteString("\n    ")
			case 1:
				b.WriteString("\n\n    ")
			case 2:
				b.WriteString("\n      ")
			case 3:
				b.WriteString("\n\n\n       ")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString(w)
	}
	return b.String() + "\n"
}

// Each word of a scalar is found where it stands in the file, whatever the style and the characters before it.
func TestPositions(t *testing.T) {
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.IntRange(1, 9).Draw(t, "words")
				var words []string
				for i := range n {
					filler := rapid.SampledFrom([]string{"", "é", "λλ", "𝄞", "’", "日本", "’’é"}).Draw(t, "filler")
					if name != "single" && name != "double" {
						filler = strings.ReplaceAll(filler, "’", "'")
					}
					words = append(words, fmt.Sprintf("w%dw%s", i, filler))
				}
				prefix := rapid.SampledFrom([]string{"", "&anchor ", "!!str "}).Draw(t, "prefix")
				key := rapid.SampledFrom([]string{"k", "ключ"}).Draw(t, "key")
				eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
				file := "a: é\n" + key + ": " + prefix + style(t, words) + "\nz: 1\n"
				file = strings.ReplaceAll(file, "\n", eol)
				var r report
				src := newSource("t.yaml", []byte(file), 0)
				root := parseYAML(src, &r)
				if root == nil {
					t.Fatalf("%q: %v", file, r.diagnostics())
				}
				v := root.get(key)
				offs := v.offsets()
				for i := 1; i < len(offs); i++ {
					if offs[i] < offs[i-1] {
						t.Fatalf("offsets go back at %d: %v", i, offs)
					}
				}
				for i := range n {
					word := fmt.Sprintf("w%dw", i)
					at := strings.Index(v.text, word)
					if at < 0 {
						t.Fatalf("%q lost %s: %q", file, word, v.text)
					}
					d := v.diagAt(at, len(word), "F031", "", "")
					line, col := src.place(strings.Index(src.text, word))
					if d.Line != line || d.Col != col || d.Len != len(word) {
						t.Fatalf("%s of %q is at %d:%d+%d, not %d:%d+%d\n%s", word, v.text, line, col, len(word), d.Line, d.Col, d.Len, file)
					}
					r, w := utf8.DecodeRuneInString(v.text[at+len(word):])
					if r > 0x7f { // the character behind it, perhaps written as an escape
						d := v.diagAt(at+len(word), w, "F031", "", "")
						if d.Line != line || d.Col != col+len(word) {
							t.Fatalf("%c behind %s is at %d:%d, not %d:%d", r, word, line, col+len(word), d.Line, d.Col)
						}
					}
				}
			})
		})
	}
}

// The tail of a scalar that ends in an escape is underlined as it is written.
func TestEscapeUnderlined(t *testing.T) {
	src := newSource("t.yaml", []byte(`a: "x\u00e9 \"y\""`+"\n"), 0)
	v := parseYAML(src, &report{}).get("a")
	if v.text != `xé "y"` {
		t.Fatal(v.text)
	}
	for _, c := range []struct{ off, len, col, width int }{{1, 2, 6, 6}, {4, 3, 13, 5}, {0, 1, 5, 1}} {
		if d := v.diagAt(c.off, c.len, "", "", ""); d.Col != c.col || d.Len != c.width {
			t.Errorf("%d+%d is at column %d+%d, not %d+%d", c.off, c.len, c.col, c.width, d.Col, d.Len)
		}
	}
}
