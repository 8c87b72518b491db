package expr

import "flowd/stream"

// caseKernel is CASE WHEN and IF: every branch is evaluated on the rows that take it.
type caseKernel struct {
	conds, values []operand // one more value: ELSE
	taken, rest   []int32
	merge         merge
}

func newCase(t *tnode) kernel {
	k := &caseKernel{}
	for i := 0; i+1 < len(t.args); i += 2 {
		k.conds = append(k.conds, compile(t.args[i]))
		k.values = append(k.values, compile(t.args[i+1]))
	}
	k.values = append(k.values, compile(t.args[len(t.args)-1]))
	return k
}

func (k *caseKernel) eval(r *run, sel []int32, out *stream.Column) {
	k.merge.begin(r.n, len(k.values))
	rest := sel
	for b := range k.conds {
		k.taken = k.conds[b].filter(r, rest, resize(k.taken, r.n)[:0])
		if len(k.taken) > 0 {
			k.merge.take(b, k.values[b].get(r, k.taken), k.taken)
			k.rest = without(k.rest, rest, r.n, k.taken) // reads entry i of rest before it writes it
			rest = k.rest
		}
	}
	last := len(k.values) - 1
	k.merge.takeAll(last, k.values[last].get(r, rest), rest)
	k.merge.into(out, sel)
}

// coalesceKernel is COALESCE: later arguments are evaluated where all before are NULL.
type coalesceKernel struct {
	args        []operand
	taken, rest []int32
	merge       merge
}

func (k *coalesceKernel) eval(r *run, sel []int32, out *stream.Column) {
	c := k.args[0].get(r, sel)
	if !c.HasNulls() {
		copyColumn(out, c, r.n, sel)
		return
	}
	k.merge.begin(r.n, len(k.args))
	rest := sel
	for b := range k.args {
		if b > 0 {
			c = k.args[b].get(r, rest)
		}
		if b == len(k.args)-1 || !c.HasNulls() {
			k.merge.takeAll(b, c, rest)
			break
		}
		k.taken = resize(k.taken, r.n)
		rs, n := selected(rest, r.n), 0
		for j := range rs.n {
			i := rs.at(j)
			k.taken[n] = int32(i)
			n += int(c.Valid[i>>6]>>(i&63)) & 1
		}
		k.merge.take(b, c, k.taken[:n])
		k.rest = without(k.rest, rest, r.n, k.taken[:n])
		rest = k.rest
	}
	k.merge.into(out, sel)
}

// merge puts a column together from rows of several others.
type merge struct {
	n    int
	from []*stream.Column
	pick []int32 // of each row: the column it comes from
}

func (m *merge) begin(n, columns int) {
	m.n = n
	m.from = resize(m.from, columns)
	m.pick = resize(m.pick, n)
}

func (m *merge) take(b int, c *stream.Column, rows []int32) {
	m.from[b] = c
	for _, i := range rows {
		m.pick[i] = int32(b)
	}
}

func (m *merge) takeAll(b int, c *stream.Column, sel []int32) {
	if sel != nil {
		m.take(b, c, sel)
		return
	}
	m.from[b] = c
	for i := range m.pick {
		m.pick[i] = int32(b)
	}
}

// into writes the selected rows to out.
func (m *merge) into(out *stream.Column, sel []int32) {
	rs := selected(sel, m.n)
	switch out.Kind {
	case stream.KindList:
		out.Reset()
		for j := range rs.n {
			i := rs.at(j)
			for out.Len() < i {
				out.EndList()
			}
			appendRow(out, m.from[m.pick[i]], i)
		}
		for out.Len() < m.n {
			out.EndList()
		}
		return
	case stream.KindBytes:
		out.Valid = out.Valid[:0]
		w := writeText(out, m.n)
		for j := range rs.n {
			i := rs.at(j)
			w.set(i, m.from[m.pick[i]].BytesAt(i))
		}
		w.end()
	default:
		out.Resize(m.n)
		for j := range rs.n {
			i := rs.at(j)
			c := m.from[m.pick[i]]
			switch out.Kind {
			case stream.KindFloat64:
				out.F64[i] = c.F64[i]
			case stream.KindWide:
				out.I64[i], out.Hi[i] = c.I64[i], c.Hi[i]
			default:
				out.I64[i] = c.I64[i]
			}
		}
	}
	for b, c := range m.from {
		if c == nil || !c.HasNulls() {
			continue
		}
		if !out.HasNulls() {
			allValid(out, m.n)
		}
		for j := range rs.n {
			if i := rs.at(j); int(m.pick[i]) == b && c.IsNull(i) {
				out.SetNull(i)
			}
		}
	}
	clear(m.from)
}
