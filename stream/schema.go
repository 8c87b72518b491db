package stream

import "strings"

// ColumnDef is a leaf column: a row field is flattened, so that card: {brand: string} is the column card.brand.
type ColumnDef struct {
	Name string // dotted path for fields of rows
	Type Type   // never Row
}

// Schema says what columns a batch has. It is immutable once shared; batches on one edge share one *Schema.
type Schema struct {
	Columns []ColumnDef
	index   map[string]int
}

// NewSchema makes a schema of leaf columns. The first of several columns of one name wins in Index.
func NewSchema(cols ...ColumnDef) *Schema {
	s := &Schema{Columns: cols, index: make(map[string]int, len(cols))}
	for i, c := range cols {
		if _, dup := s.index[c.Name]; !dup {
			s.index[c.Name] = i
		}
	}
	return s
}

// Flatten makes the schema of a record with the given fields: the leaves of nested rows become columns with
// dotted names. A leaf is nullable when it or any row around it is.
func Flatten(fields []Field) *Schema {
	return NewSchema(flatten(nil, "", fields, true)...)
}

func flatten(cols []ColumnDef, prefix string, fields []Field, required bool) []ColumnDef {
	for _, f := range fields {
		notNull := required && f.Type.NotNull
		if f.Type.ID == Row {
			cols = flatten(cols, prefix+f.Name+".", f.Type.Fields, notNull)
			continue
		}
		t := f.Type
		t.NotNull = notNull
		cols = append(cols, ColumnDef{Name: prefix + f.Name, Type: t})
	}
	return cols
}

// Index is the position of the column of that name, −1 if there is none.
func (s *Schema) Index(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// Under lists the positions of the leaf columns of the row called name, in order.
func (s *Schema) Under(name string) []int {
	var out []int
	for i, c := range s.Columns {
		if strings.HasPrefix(c.Name, name+".") {
			out = append(out, i)
		}
	}
	return out
}

// String writes the schema as "a bigint not null, b string".
func (s *Schema) String() string {
	parts := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		parts[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(parts, ", ")
}
