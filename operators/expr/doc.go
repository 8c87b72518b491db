// Package expr is the typed scalar language of flowd's pipelines, a part of Flink SQL: it parses an expression,
// gives it types over a schema and compiles it to kernels that work on whole columns. It is not a query language:
// it knows no rows other than the one it is evaluated on, no clock, no state and no I/O; of aggregates it only finds
// the calls.
//
// The way is Parse → Expr, Expr.Bind → Bound, Bound.Compile → Program. Expr and Bound are immutable and may be
// shared; a Program owns scratch memory and belongs to one goroutine.
//
// Meaning is Flink's, with purposeful differences: whatever Flink wraps around, turns into NULL silently or fails
// the whole job for (overflow, narrowing casts, division by zero, unreadable text) is a row error here; text is
// never compared with a number; != is accepted, and so are the T and Z of ISO 8601.
//
// Evaluation order is part of the meaning, because row errors are: the right side of AND and OR is evaluated only on
// rows that the left side does not decide, and the branches of CASE, IF and COALESCE only on the rows that take
// them. Filter drops a row whose left side of AND is not TRUE without looking at the right side.
package expr
