// Package generate is the source of made-up rows: the tables of the Nexmark benchmark, or any schema by rules. It is
// for trying things out, for examples and for measurements; it reads nothing.
//
// Every value is a pure function of the seed, the number of its row and its column. So rows do not depend on batch size,
// rate, parallelism or which columns are read, a run can be repeated from any position, and no table needs memory.
package generate
