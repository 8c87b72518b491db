package main

// The reference and the schema come from the field tables; CI fails if what is checked in differs.
//
//go:generate sh -c "go run . docs > ../../docs/reference.md"
//go:generate sh -c "go run . schema > ../../docs/flowd.schema.json"
