package expr

import (
	"fmt"
	"slices"
	"strings"

	"flowd/stream"
)

// FuncDoc is what the reference says about a function.
type FuncDoc struct {
	Name     string
	Usage    string   // how it is written: SUBSTRING(text, start[, length])
	Result   string   // type of the result
	Doc      string   // one sentence
	Examples []string // "ABS(-7) = 7": conditions over constants that hold
	Flink    string   // its name in Flink
}

// Functions lists every function, by name.
func Functions() []FuncDoc {
	docs := make([]FuncDoc, 0, len(functionNames))
	for _, name := range functionNames {
		f := functions[name]
		docs = append(docs, FuncDoc{Name: name, Usage: f.usage, Result: f.result, Doc: f.doc, Examples: slices.Clone(f.examples), Flink: name})
	}
	return docs
}

// function is an entry of the registry.
type function struct {
	name     string
	usage    string
	result   string
	doc      string
	examples []string
	min, max int // number of arguments; max −1: any
	bind     func(b *binder, n *node, f *function, args []*tnode) *tnode
	kernel   func(k *funcKernel) // sets k.loop and prepares what constant arguments allow; nil: bind makes other nodes
}

func (f *function) arity() string {
	switch {
	case f.max < 0:
		return fmt.Sprintf("at least %d arguments", f.min)
	case f.min == f.max && f.min == 1:
		return "1 argument"
	case f.min == f.max:
		return fmt.Sprintf("%d arguments", f.min)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// later are the functions of the language that this version lacks.
var later = map[string]bool{"JSON_VALUE": true, "JSON_EXISTS": true}

// functionAliases are other names of what there is. One name each keeps pipelines alike.
var functionAliases = map[string]string{
	"CEILING": "CEIL", "SUBSTR": "SUBSTRING", "CHARACTER_LENGTH": "CHAR_LENGTH", "LENGTH": "CHAR_LENGTH", "LEN": "CHAR_LENGTH",
	"IFNULL": "COALESCE", "NVL": "COALESCE", "ISNULL": "IS NULL", "POW": "POWER", "UCASE": "UPPER", "LCASE": "LOWER",
	"INSTR": "POSITION(… IN …)", "LOCATE": "POSITION(… IN …)", "TRUNC": "FLOOR", "IIF": "IF", "SIZE": "CARDINALITY",
	"DATE_DIFF": "TIMESTAMPDIFF(unit, from, to)", "DATEDIFF": "TIMESTAMPDIFF(DAY, from, to)", "DATE_PART": "EXTRACT(unit FROM t)",
	"LTRIM": "TRIM(LEADING FROM …)", "RTRIM": "TRIM(TRAILING FROM …)", "LEFT": "SUBSTRING(text, 1, n)", "RIGHT": "SUBSTRING(text, -n)",
	"LOG": "LN", "SHA2": "SHA256", "CONVERT": "CAST(… AS type)", "TO_DATE": "CAST(text AS date)", "FROM_UNIXTIME": "TO_TIMESTAMP_LTZ(seconds, 0)",
	"UNIX_TIMESTAMP": "EXTRACT(EPOCH FROM t)", "STRPOS": "POSITION(… IN …)", "ARRAY_LENGTH": "CARDINALITY",
}

// noClock is why there is no function of the wall clock.
const noClock = "flowd has event time and no clock, so that a replay gives the same rows: compare with a column"

// clock are the names of the wall clock in SQL; most need no parentheses.
var clock = map[string]bool{
	"CURRENT_TIMESTAMP": true, "CURRENT_DATE": true, "CURRENT_TIME": true, "CURRENT_ROW_TIMESTAMP": true,
	"LOCALTIME": true, "LOCALTIMESTAMP": true,
}

// notHere are functions of SQL that have no place here, and what there is instead.
var notHere = map[string]string{
	"NOW": noClock, "CURRENT_TIMESTAMP": noClock, "CURRENT_DATE": noClock, "CURRENT_TIME": noClock, "CURRENT_ROW_TIMESTAMP": noClock,
	"LOCALTIME": noClock, "LOCALTIMESTAMP": noClock, "PROCTIME": noClock, "UNIX_TIMESTAMP": noClock, "GETDATE": noClock, "SYSDATE": noClock,
	"RAND": noRandom, "RAND_INTEGER": noRandom, "RANDOM": noRandom, "UUID": noRandom,
	"TUMBLE_START": bounds, "TUMBLE_END": bounds, "HOP_START": bounds, "HOP_END": bounds, "SESSION_START": bounds, "SESSION_END": bounds,
	"TUMBLE": "write window: {tumble: 1m} in the step", "HOP": "write window: {slide: 10s, every: 2s} in the step",
}

const (
	noRandom = "a replay gives the same rows, so there are no random values"
	bounds   = "behind a window there are the columns window_start and window_end"
)

// otherSQL are keywords of SQL within an expression that have no place here, and what there is instead.
var otherSQL = map[string]string{
	"ILIKE": "write LOWER(x) LIKE 'pattern'", "RLIKE": regex, "REGEXP": regex, "SIMILAR": regex,
	"FILTER": "write the condition into the argument: SUM(IF(condition, x, NULL)), COUNT(IF(condition, 1, NULL))",
	"OVER":   "a step aggregates with window, group_by and aggregate; top ranks rows",
}

const regex = "write REGEXP_EXTRACT(x, 'regex') IS NOT NULL"

var (
	functions     = map[string]*function{}
	functionNames []string
)

func init() {
	for _, fs := range [][]*function{conditionalFunctions, numberFunctions, textFunctions, timeFunctions} {
		for _, f := range fs {
			functions[f.name] = f
			functionNames = append(functionNames, f.name)
		}
	}
	slices.Sort(functionNames)
}

// signature makes the bind function of a function with fixed argument types; the result is NULL if an argument is.
func signature(result stream.TypeID, params ...stream.TypeID) func(*binder, *node, *function, []*tnode) *tnode {
	return func(b *binder, n *node, f *function, args []*tnode) *tnode {
		for i, a := range args {
			a = b.coerce(n.args[i], a, stream.Type{ID: params[min(i, len(params)-1)]}, f.name)
			if a == nil {
				return nil
			}
			args[i] = a
		}
		return callNode(n, f, stream.Type{ID: result}, args)
	}
}

func callNode(n *node, f *function, t stream.Type, args []*tnode) *tnode {
	c := makeNode(n, opFunc, t, args...)
	c.fn, c.unit = f, n.unit
	return c
}

// nullable makes a bind function whose result is never NOT NULL: there are arguments without a result.
func nullable(bind func(*binder, *node, *function, []*tnode) *tnode) func(*binder, *node, *function, []*tnode) *tnode {
	return func(b *binder, n *node, f *function, args []*tnode) *tnode {
		t := bind(b, n, f, args)
		if t != nil {
			t.t.NotNull = false
		}
		return t
	}
}

var conditionalFunctions = []*function{
	{
		name: "COALESCE", usage: "COALESCE(a, b, …)", min: 1, max: -1, result: "the common type of the arguments",
		doc: "The first argument that is not NULL.", examples: []string{"COALESCE(NULL, 'x') = 'x'"},
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			args = b.unify(n, f.name, args, n.args)
			if args == nil {
				return nil
			}
			t := &tnode{op: opCoalesce, t: args[0].t.Nullable(), args: args, src: n}
			for _, a := range args {
				t.t.NotNull = t.t.NotNull || a.t.NotNull
			}
			return t
		},
	},
	{
		name: "NULLIF", usage: "NULLIF(a, b)", min: 2, max: 2, result: "the type of a",
		doc: "NULL if a = b, otherwise a.", examples: []string{"NULLIF(7, 7) IS NULL", "NULLIF(7, 8) = 7"},
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			if args[0].t.ID == stream.Null {
				return b.fail(n.args[0], CodeType, "", "NULLIF of NULL is NULL")
			}
			c := b.compare(n, "=", args[0], args[1])
			if c == nil {
				return nil
			}
			null := constant(n, Constant{Type: args[0].t, Null: true})
			return &tnode{op: opCase, t: args[0].t.Nullable(), args: []*tnode{c, null, args[0]}, src: n}
		},
	},
	{
		name: "IF", usage: "IF(condition, a, b)", min: 3, max: 3, result: "the common type of a and b",
		doc: "a where the condition is TRUE, otherwise b.", examples: []string{"IF(1 < 2, 'a', 'b') = 'a'"},
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			c := args[0]
			if c.t.ID == stream.Null {
				c = b.convert(n.args[0], c, booleanType)
			}
			if c.t.ID != stream.Boolean {
				return b.fail(n.args[0], CodeType, "write a comparison", "IF needs a boolean, not %s", c.t.Nullable())
			}
			values := b.unify(n, f.name, args[1:], n.args[1:])
			if values == nil {
				return nil
			}
			return makeNodeT(n, opCase, values[0].t, []*tnode{c, values[0], values[1]})
		},
	},
	{
		name: "GREATEST", usage: "GREATEST(a, b, …)", min: 1, max: -1, result: "the common type of the arguments",
		doc: "The largest argument; NULL if one is NULL.", examples: []string{"GREATEST(1, 3, 2) = 3"}, bind: bindExtreme, kernel: extremeKernel,
	},
	{
		name: "LEAST", usage: "LEAST(a, b, …)", min: 1, max: -1, result: "the common type of the arguments",
		doc: "The smallest argument; NULL if one is NULL.", examples: []string{"LEAST('b', 'a') = 'a'"}, bind: bindExtreme, kernel: extremeKernel,
	},
	{
		name: "CARDINALITY", usage: "CARDINALITY(array or map)", min: 1, max: 1, result: "int",
		doc: "The number of elements.",
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			if args[0].t.Kind() != stream.KindList {
				return b.fail(n.args[0], CodeType, "CHAR_LENGTH counts characters", "CARDINALITY needs an array or a map, not %s", args[0].t.Nullable())
			}
			return callNode(n, f, stream.Type{ID: stream.Int}, args)
		}, kernel: cardinalityKernel,
	},
}

// makeNodeT is makeNode for a list of arguments: the result is nullable if any of them is.
func makeNodeT(n *node, o op, t stream.Type, args []*tnode) *tnode { return makeNode(n, o, t, args...) }

func bindExtreme(b *binder, n *node, f *function, args []*tnode) *tnode {
	args = b.unify(n, f.name, args, n.args)
	if args == nil {
		return nil
	}
	if args[0].t.Kind() == stream.KindList {
		return b.fail(n, CodeType, "", "%s cannot compare arrays or maps", f.name)
	}
	return callNode(n, f, args[0].t, args)
}

var numberFunctions = []*function{
	{
		name: "ABS", usage: "ABS(x)", min: 1, max: 1, result: "the type of x", doc: "The absolute value.",
		examples: []string{"ABS(-7) = 7", "ABS(-1.50) = 1.50"}, bind: bindNumber, kernel: absKernel,
	},
	{
		name: "SIGN", usage: "SIGN(x)", min: 1, max: 1, result: "the type of x", doc: "−1, 0 or 1 as x is negative, zero or positive.",
		examples: []string{"SIGN(-2.5) = -1"}, bind: bindNumber, kernel: signKernel,
	},
	{
		name: "CEIL", usage: "CEIL(x)", min: 1, max: 1, result: "the type of x, decimals without fraction", doc: "The smallest integer not below x.",
		examples: []string{"CEIL(1.2) = 2", "CEIL(-1.2) = -1"}, bind: bindWhole, kernel: wholeKernel,
	},
	{
		name: "FLOOR", usage: "FLOOR(x)", min: 1, max: 1, result: "the type of x, decimals without fraction", doc: "The largest integer not above x.",
		examples: []string{"FLOOR(1.8) = 1", "FLOOR(-1.2) = -2"}, bind: bindWhole, kernel: wholeKernel,
	},
	{
		name: "ROUND", usage: "ROUND(x[, digits])", min: 1, max: 2, result: "the type of x, decimals with that many digits",
		doc: "x rounded half up to a number of digits after the point, before it if negative.", examples: []string{"ROUND(2.45, 1) = 2.5", "ROUND(-2.5) = -3", "ROUND(15, -1) = 20"},
		bind: bindRound, kernel: roundKernel,
	},
	{
		name: "MOD", usage: "MOD(a, b)", min: 2, max: 2, result: "of integers the type of b, of decimals a decimal",
		doc: "The rest of a / b, with the sign of a; the same as a % b.", examples: []string{"MOD(-7, 3) = -1"},
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			mod := *n
			mod.name = "%"
			t := b.arith(&mod, args[0], args[1])
			if t != nil {
				t.src = n
			}
			return t
		},
	},
	{
		name: "POWER", usage: "POWER(x, y)", min: 2, max: 2, result: "double", doc: "x to the power of y.", examples: []string{"POWER(2, 10) = 1024"},
		bind: signature(stream.Double, stream.Double), kernel: mathKernel,
	},
	{
		name: "SQRT", usage: "SQRT(x)", min: 1, max: 1, result: "double", doc: "The square root; NaN of a negative number.", examples: []string{"SQRT(9) = 3"},
		bind: signature(stream.Double, stream.Double), kernel: mathKernel,
	},
	{
		name: "LN", usage: "LN(x)", min: 1, max: 1, result: "double", doc: "The natural logarithm; −Infinity of 0, NaN of a negative number.", examples: []string{"LN(1) = 0"},
		bind: signature(stream.Double, stream.Double), kernel: mathKernel,
	},
	{
		name: "EXP", usage: "EXP(x)", min: 1, max: 1, result: "double", doc: "e to the power of x.", examples: []string{"EXP(0) = 1"},
		bind: signature(stream.Double, stream.Double), kernel: mathKernel,
	},
}

func bindNumber(b *binder, n *node, f *function, args []*tnode) *tnode {
	x := args[0]
	if !x.t.IsNumeric() {
		return b.fail(n.args[0], CodeType, castHint(x.t, "double"), "%s needs a number, not %s", f.name, x.t.Nullable())
	}
	return callNode(n, f, x.t, args)
}

func bindWhole(b *binder, n *node, f *function, args []*tnode) *tnode {
	t := bindNumber(b, n, f, args)
	switch {
	case t == nil || t.t.IsInteger():
		if t != nil {
			return args[0]
		}
	case t.t.ID == stream.Decimal:
		t.t.Scale = 0
	}
	return t
}

func bindRound(b *binder, n *node, f *function, args []*tnode) *tnode {
	t := bindNumber(b, n, f, args)
	if t == nil {
		return nil
	}
	if len(args) == 1 {
		t.args = append(t.args, constant(n, Constant{Type: stream.Type{ID: stream.Int}}))
	}
	digits := t.args[1]
	if !digits.t.IsInteger() && digits.t.ID != stream.Null {
		return b.fail(n.args[1], CodeType, "", "the digits of ROUND are an integer, not %s", digits.t.Nullable())
	}
	if digits.t.ID == stream.Null {
		digits = b.convert(n.args[1], digits, stream.Type{ID: stream.Int})
		t.args[1] = digits
	}
	if t.t.ID == stream.Decimal && digits.isConst() && !digits.val.Null {
		t.t = roundType(t.t, digits.val.I64)
	}
	return t
}

var textFunctions = []*function{
	{
		name: "UPPER", usage: "UPPER(text)", min: 1, max: 1, result: "string", doc: "The text in upper case.", examples: []string{"UPPER('straße') = 'STRASSE'"},
		bind: signature(stream.String, stream.String), kernel: letterCaseKernel,
	},
	{
		name: "LOWER", usage: "LOWER(text)", min: 1, max: 1, result: "string", doc: "The text in lower case.", examples: []string{"LOWER('ÄB') = 'äb'"},
		bind: signature(stream.String, stream.String), kernel: letterCaseKernel,
	},
	{
		name: "TRIM", usage: "TRIM([BOTH | LEADING | TRAILING] ['x'] [FROM] text)", min: 1, max: 2, result: "string",
		doc: "The text without the given characters, by default spaces, at its ends.", examples: []string{"TRIM('  a ') = 'a'", "TRIM(LEADING '0' FROM '007') = '7'"},
		bind: signature(stream.String, stream.String), kernel: trimKernel,
	},
	{
		name: "CHAR_LENGTH", usage: "CHAR_LENGTH(text)", min: 1, max: 1, result: "int", doc: "The number of characters (Unicode code points).",
		examples: []string{"CHAR_LENGTH('😀é') = 2"}, bind: signature(stream.Int, stream.String), kernel: charLengthKernel,
	},
	{
		name: "SUBSTRING", usage: "SUBSTRING(text, start[, length])", min: 2, max: 3, result: "string",
		doc:      "length characters from start, which counts from 1, or from the end if negative; NULL for a negative length.",
		examples: []string{"SUBSTRING('hello', 2, 3) = 'ell'", "SUBSTRING('hello', -3) = 'llo'"},
		bind:     nullable(signature(stream.String, stream.String, stream.BigInt)), kernel: substringKernel,
	},
	{
		name: "REPLACE", usage: "REPLACE(text, from, to)", min: 3, max: 3, result: "string", doc: "The text with every from replaced by to.",
		examples: []string{"REPLACE('a-b-c', '-', '+') = 'a+b+c'"}, bind: signature(stream.String, stream.String), kernel: replaceKernel,
	},
	{
		name: "CONCAT", usage: "CONCAT(a, b, …)", min: 1, max: -1, result: "string", doc: "The texts joined; NULL if one is NULL.",
		examples: []string{"CONCAT('a', 'b') = 'ab'"},
		bind:     func(b *binder, n *node, f *function, args []*tnode) *tnode { return b.concat(n, args) },
	},
	{
		name: "SPLIT_INDEX", usage: "SPLIT_INDEX(text, delimiter, index)", min: 3, max: 3, result: "string",
		doc:      "The part at index, which counts from 0, of the text split at the delimiter (text, or the code of a character); NULL if there is none.",
		examples: []string{"SPLIT_INDEX('a,b,c', ',', 1) = 'b'"},
		bind: nullable(func(b *binder, n *node, f *function, args []*tnode) *tnode {
			if args[1].t.IsInteger() {
				return signature(stream.String, stream.String, stream.BigInt)(b, n, f, args)
			}
			return signature(stream.String, stream.String, stream.String, stream.BigInt)(b, n, f, args)
		}), kernel: splitIndexKernel,
	},
	{
		name: "POSITION", usage: "POSITION(part IN text)", min: 2, max: 2, result: "int", doc: "Where part first stands in the text, from 1; 0 if nowhere.",
		examples: []string{"POSITION('l' IN 'hello') = 3"}, bind: signature(stream.Int, stream.String), kernel: positionKernel,
	},
	{
		name: "REGEXP_EXTRACT", usage: "REGEXP_EXTRACT(text, regex[, group])", min: 2, max: 3, result: "string",
		doc:      "What the group of the first match holds, the whole match without group; NULL if there is none. The regex is RE2's, a constant.",
		examples: []string{"REGEXP_EXTRACT('id=12', 'id=([0-9]+)', 1) = '12'"},
		bind:     nullable(bindRegexp(stream.BigInt)), kernel: regexpExtractKernel,
	},
	{
		name: "REGEXP_REPLACE", usage: "REGEXP_REPLACE(text, regex, replacement)", min: 3, max: 3, result: "string",
		doc:      "The text with every match replaced; the replacement is taken literally. The regex is RE2's, a constant.",
		examples: []string{"REGEXP_REPLACE('a1b22', '[0-9]+', '#') = 'a#b#'"},
		bind:     bindRegexp(stream.String), kernel: regexpReplaceKernel,
	},
	{
		name: "MD5", usage: "MD5(text)", min: 1, max: 1, result: "string", doc: "The MD5 digest in hexadecimal.",
		examples: []string{"MD5('') = 'd41d8cd98f00b204e9800998ecf8427e'"}, bind: signature(stream.String, stream.String), kernel: digestKernel,
	},
	{
		name: "SHA256", usage: "SHA256(text)", min: 1, max: 1, result: "string", doc: "The SHA-256 digest in hexadecimal.",
		examples: []string{"SUBSTRING(SHA256('hello'), 1, 8) = '2cf24dba'"}, bind: signature(stream.String, stream.String), kernel: digestKernel,
	},
}

// bindRegexp binds (text, constant regex, third).
func bindRegexp(third stream.TypeID) func(*binder, *node, *function, []*tnode) *tnode {
	sig := signature(stream.String, stream.String, stream.String, third)
	return func(b *binder, n *node, f *function, args []*tnode) *tnode {
		t := sig(b, n, f, args)
		if t == nil {
			return nil
		}
		p := t.args[1]
		if !p.isConst() {
			return b.fail(n.args[1], CodeType, "write it as text in quotes", "the regex of %s is a constant", f.name)
		}
		if !p.val.Null {
			if _, err := compileRegexp(p.val.Str); err != nil {
				msg := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
				return b.fail(n.args[1], CodeConstant, "the syntax is RE2's, without look-around and back references", "%s is not a regular expression: %s", quoteText(shorten(p.val.Str)), msg)
			}
		}
		return t
	}
}

var timeFunctions = []*function{
	{
		name: "TO_TIMESTAMP", usage: "TO_TIMESTAMP(text[, format])", min: 1, max: 2, result: "timestamp(3)",
		doc: "The timestamp that the text is; a row error if it is none.", examples: []string{"TO_TIMESTAMP('2026-01-02 03:04:05') = TIMESTAMP '2026-01-02 03:04:05'"},
		bind: bindToTimestamp(stream.Timestamp), kernel: parseTimeKernel,
	},
	{
		name: "TO_TIMESTAMP_LTZ", usage: "TO_TIMESTAMP_LTZ(number[, 0 or 3]) or TO_TIMESTAMP_LTZ(text[, format])", min: 1, max: 2, result: "timestamp_ltz(3)",
		doc:      "The instant that is so many milliseconds (3, the default) or seconds (0) after 1970-01-01 00:00:00 UTC, or that the text says.",
		examples: []string{"TO_TIMESTAMP_LTZ(1767225600000, 3) = TIMESTAMP '2026-01-01 00:00:00'"},
		bind:     bindToTimestamp(stream.TimestampLTZ), kernel: epochKernel,
	},
	{
		name: "DATE_FORMAT", usage: "DATE_FORMAT(timestamp, format)", min: 2, max: 2, result: "string",
		doc: "The timestamp as text; the format has the letters of Java's DateTimeFormatter.", examples: []string{"DATE_FORMAT(TIMESTAMP '2026-01-31 23:59:59', 'dd.MM.yyyy') = '31.01.2026'"},
		bind: bindDateFormat, kernel: dateFormatKernel,
	},
	{
		name: "EXTRACT", usage: "EXTRACT(unit FROM time)", min: 1, max: 1, result: "bigint",
		doc:      "A part of a date, time, timestamp or interval: EPOCH MILLENNIUM CENTURY DECADE YEAR ISOYEAR QUARTER MONTH WEEK DAY DOY DOW ISODOW HOUR MINUTE SECOND MILLISECOND MICROSECOND NANOSECOND.",
		examples: []string{"EXTRACT(HOUR FROM TIMESTAMP '2026-01-31 23:59:59') = 23"}, bind: bindExtract, kernel: extractKernel,
	},
	{
		name: "TIMESTAMPDIFF", usage: "TIMESTAMPDIFF(unit, from, to)", min: 2, max: 2, result: "int",
		doc: "The whole units SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR from one time to another.", examples: []string{"TIMESTAMPDIFF(DAY, DATE '2024-02-28', DATE '2024-03-01') = 2"},
		bind: bindDiff, kernel: diffKernel,
	},
	partOf("YEAR", "YEAR"), partOf("QUARTER", "QUARTER"), partOf("MONTH", "MONTH"), partOf("WEEK", "WEEK"), partOf("DAYOFYEAR", "DOY"),
	partOf("DAYOFMONTH", "DAY"), partOf("DAYOFWEEK", "DOW"), partOf("HOUR", "HOUR"), partOf("MINUTE", "MINUTE"), partOf("SECOND", "SECOND"),
}

// partOf is a short form of EXTRACT.
func partOf(name, unit string) *function {
	return &function{
		name: name, usage: name + "(time)", min: 1, max: 1, result: "bigint", doc: "The same as EXTRACT(" + unit + " FROM time).",
		bind: func(b *binder, n *node, f *function, args []*tnode) *tnode {
			e := *n
			e.unit = unit
			return bindExtract(b, &e, f, args)
		}, kernel: extractKernel,
	}
}
