package operators

import "time"

// FieldType says how the text of a YAML value is read.
type FieldType uint8

// The field types. Object has Fields, List has Elem, and Dict maps names the user chooses to Elem.
const (
	Text FieldType = iota + 1
	Bool
	Integer
	Duration // "500ms", "7d"; never a bare number
	Size     // "64KiB"
	Enum
	Instant // RFC 3339 or a date, or now, now-6h
	Object
	List
	Dict
	Any // a scalar, list or map that the connector reads itself from Config.Raw
)

// Field is one key of the pipeline language: the one place that its type, default and documentation come from.
type Field struct {
	Name     string
	Type     FieldType
	Required bool
	Default  string   // as one would write it in YAML; "" for none
	Enum     []string // Enum: the values; also hints for Text
	Fields   []Field  // Object
	Elem     *Field   // List, Dict
	Bare     string   // Object: the key that a bare scalar (or list, for a List key) stands for: kafka: clicks
	Secret   bool     // masked in every output
	Doc      string   // one sentence
	Example  string
	Since    string // version, "" for the first
	Later    bool   // in the language, not in this version: refused with F090
	Flink    string // the option it exports to
}

// Pos is a place in the pipeline file, both from 1; the zero Pos is no place.
type Pos struct{ Line, Col int }

// Problem is an error about a value of a pipeline file. The pipeline package adds file and snippet.
type Problem struct {
	Pos  Pos
	Len  int    // characters to underline; 0: the value at Pos
	Code string // F0xx
	Msg  string
	Hint string // what to do, or the nearest name
	Warn bool
}

// Config is a decoded object: values by field name, defaults filled in. Only fields of its table are in it.
type Config struct {
	At     Pos              // of the object
	Values map[string]Value // absent: not written and no default
}

// Value is one decoded value. Which member counts follows from the field's type.
type Value struct {
	At      Pos
	Set     bool // written by the user, not a default
	Text    string
	Int     int64 // Integer, Size (bytes)
	Bool    bool
	Dur     time.Duration
	Object  *Config
	List    []Value
	Dict    []Entry // in the order of the file
	Scalars bool    // Any: Text holds a scalar
}

// Entry is a name and its value.
type Entry struct {
	Name   string
	NameAt Pos
	Value  Value
}

// Has says whether name has a value, written or by default.
func (c *Config) Has(name string) bool { _, ok := c.get(name); return ok }

// IsSet says whether the user wrote name.
func (c *Config) IsSet(name string) bool { v, _ := c.get(name); return v.Set }

// Get is the value of name; the zero Value if there is none.
func (c *Config) Get(name string) Value { v, _ := c.get(name); return v }

// String is the text of name, "" if absent.
func (c *Config) String(name string) string { return c.Get(name).Text }

// Int is the number or size of name, 0 if absent.
func (c *Config) Int(name string) int64 { return c.Get(name).Int }

// Bool is the flag name, false if absent.
func (c *Config) Bool(name string) bool { return c.Get(name).Bool }

// Duration is the duration of name, 0 if absent.
func (c *Config) Duration(name string) time.Duration { return c.Get(name).Dur }

// Strings is the texts of the list name.
func (c *Config) Strings(name string) []string {
	var out []string
	for _, v := range c.Get(name).List {
		out = append(out, v.Text)
	}
	return out
}

// Sub is the object name, an empty one if absent.
func (c *Config) Sub(name string) *Config {
	if v, ok := c.get(name); ok && v.Object != nil {
		return v.Object
	}
	return &Config{}
}

func (c *Config) get(name string) (Value, bool) {
	if c == nil {
		return Value{}, false
	}
	v, ok := c.Values[name]
	return v, ok
}
