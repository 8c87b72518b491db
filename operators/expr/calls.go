package expr

// Call is an aggregate call found in a column list.
type Call struct {
	Func     string // COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE, LAST_VALUE
	Star     bool   // COUNT(*)
	Distinct bool
	Arg      *Expr // nil with Star, and for calls with a wrong number of arguments
	Args     int   // number of arguments written
	Off, Len int
	Name     string // canonical text of the call: its column name in what SplitAggregates returns
}

var aggregateNames = map[string]bool{
	"COUNT": true, "SUM": true, "AVG": true, "MIN": true, "MAX": true, "FIRST_VALUE": true, "LAST_VALUE": true,
}

// SplitAggregates finds the aggregate calls in e and returns e with each replaced by a reference to a column named
// as Call.Name. Equal calls appear once. Aggregates within the argument of an aggregate stay where they are: binding
// that argument reports them.
func SplitAggregates(e *Expr) (rest *Expr, calls []Call) {
	seen := map[string]bool{}
	root := e.root.rewrite(func(n *node) *node {
		if n.kind != nCall || !aggregateNames[n.name] {
			return nil
		}
		name := (&Expr{root: n}).String()
		if !seen[name] {
			seen[name] = true
			c := Call{Func: n.name, Star: n.star, Distinct: n.flag, Args: len(n.args), Off: n.off, Len: n.end - n.off, Name: name}
			if len(n.args) == 1 {
				c.Arg = &Expr{root: n.args[0], src: e.src}
			}
			calls = append(calls, c)
		}
		return &node{kind: nName, off: n.off, end: n.end, parts: []string{name}}
	})
	return &Expr{root: root, src: e.src}, calls
}

// rewrite copies the tree with every node for which f returns one replaced by it.
func (n *node) rewrite(f func(*node) *node) *node {
	if r := f(n); r != nil {
		return r
	}
	if len(n.args) == 0 {
		return n
	}
	c := *n
	c.args = make([]*node, len(n.args))
	for i, a := range n.args {
		c.args[i] = a.rewrite(f)
	}
	return &c
}
