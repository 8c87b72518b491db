// Package pipeline turns the YAML of a pipeline file into a Plan: Parse makes a Spec (what the user said, with
// lines), Compile makes a Plan (nodes, edges, schemas, kernels). It is pure: it opens nothing and starts nothing,
// and what it needs from outside (variables, files, connectors) comes in as arguments.
//
// One table of operators.Field values (language.go) says what may be written. The decoder, the defaults, the hints
// for unknown keys, the JSON Schema and the reference page are all made from it.
package pipeline
