package expr

import "flowd/stream"

// The rules of this file are Flink's (LogicalTypeMerging): which type comes of numbers of two types.

// decimalOf is the decimal type that counts for a number in exact arithmetic: itself, or what holds every value of
// an integer type.
func decimalOf(t stream.Type) (precision, scale int) {
	switch t.ID {
	case stream.TinyInt:
		return 3, 0
	case stream.SmallInt:
		return 5, 0
	case stream.Int:
		return 10, 0
	case stream.BigInt:
		return 19, 0
	}
	return int(t.Precision), int(t.Scale)
}

// adjusted is decimal(p,s) within 38 digits: digits before the point are kept at the cost of the scale, of which at
// least 6 (or all, if there are fewer) stay.
func adjusted(p, s int) stream.Type {
	if p > 38 {
		whole := p - s
		s = max(38-whole, min(s, 6))
		p = 38
	}
	return stream.Type{ID: stream.Decimal, Precision: uint8(p), Scale: uint8(s)}
}

// arithType is the type of a op b for numbers, without nullability; ok is false when there is none.
func arithType(op int, a, b stream.Type) (t stream.Type, ok bool) {
	if a.ID == stream.Null {
		a = b
	}
	if b.ID == stream.Null {
		b = a
	}
	approx := func(t stream.Type) bool { return t.ID == stream.Float || t.ID == stream.Double }
	switch {
	case !a.IsNumeric() || !b.IsNumeric():
		return t, false
	case op == '%':
		if approx(a) || approx(b) {
			return t, false
		}
		if a.IsInteger() && b.IsInteger() {
			return stream.Type{ID: b.ID}, true
		}
		p1, s1 := decimalOf(a)
		p2, s2 := decimalOf(b)
		return adjusted(min(p1-s1, p2-s2)+max(s1, s2), max(s1, s2)), true
	case approx(a) || approx(b):
		return commonNumeric(a, b), true
	case a.IsInteger() && b.IsInteger():
		return stream.Type{ID: max(a.ID, b.ID)}, true
	}
	p1, s1 := decimalOf(a)
	p2, s2 := decimalOf(b)
	switch op {
	case '*':
		return adjusted(p1+p2+1, s1+s2), true
	case '/':
		s := max(6, s1+p2+1)
		return adjusted(p1-s1+s2+s, s), true
	}
	s := max(s1, s2)
	return adjusted(max(p1-s1, p2-s2)+s+1, s), true
}

// commonNumeric is the type that CASE, COALESCE, GREATEST and comparisons bring numbers to.
func commonNumeric(a, b stream.Type) stream.Type {
	switch {
	case a.ID == stream.Double || b.ID == stream.Double:
		return stream.Type{ID: stream.Double}
	case a.ID == stream.Float || b.ID == stream.Float:
		if a.ID == stream.Decimal || b.ID == stream.Decimal {
			return stream.Type{ID: stream.Double}
		}
		return stream.Type{ID: stream.Float}
	case a.IsInteger() && b.IsInteger():
		return stream.Type{ID: max(a.ID, b.ID)}
	}
	p1, s1 := decimalOf(a)
	p2, s2 := decimalOf(b)
	s := max(s1, s2)
	whole := max(p1-s1, p2-s2)
	if whole+s > 38 {
		s = max(38-whole, 0)
	}
	return stream.Type{ID: stream.Decimal, Precision: uint8(min(whole+s, 38)), Scale: uint8(s)}
}

// common is the type that values of a and b both turn into, nullable if one of them is.
func common(a, b stream.Type) (t stream.Type, ok bool) {
	switch {
	case a.ID == stream.Null:
		t = b
	case b.ID == stream.Null || a.Same(b):
		t = a
	case a.IsNumeric() && b.IsNumeric():
		t = commonNumeric(a, b)
	case a.ID == b.ID && (a.IsTimestamp() || a.ID == stream.Time):
		t = a
		t.Precision = max(a.Precision, b.Precision)
	case a.IsTimestamp() && b.IsTimestamp():
		t = stream.Type{ID: stream.TimestampLTZ, Precision: max(a.Precision, b.Precision)}
	case a.ID == stream.Date && b.IsTimestamp():
		t = b
	case b.ID == stream.Date && a.IsTimestamp():
		t = a
	default:
		return t, false
	}
	t.NotNull = a.NotNull && b.NotNull
	return t, true
}

// roundType is the type of ROUND of a decimal to a constant number of digits.
func roundType(t stream.Type, digits int64) stream.Type {
	p, s := int64(t.Precision), int64(t.Scale)
	switch {
	case digits >= s:
	case digits < 0:
		p, s = min(38, 1+p-s), 0
	default:
		p, s = 1+p-s+digits, digits
	}
	return stream.Type{ID: stream.Decimal, Precision: uint8(p), Scale: uint8(s), NotNull: t.NotNull}
}
