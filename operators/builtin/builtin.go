// Package builtin is the list of everything a pipeline can name in this binary. A new connector or format is one line
// here; nothing else in flowd lists them.
package builtin

import (
	"flowd/operators"
	"flowd/operators/discard"
	"flowd/operators/file"
	"flowd/operators/format"
	"flowd/operators/generate"
	"flowd/operators/kafka"
	"flowd/operators/stdout"
)

// Registry makes the list.
func Registry() *operators.Registry {
	return &operators.Registry{
		Connectors: []operators.Connector{
			kafka.Connector(),
			file.Connector(),
			generate.Connector(),
			stdout.Connector(),
			discard.Connector(),
		},
		Formats: []operators.Format{
			format.JSON(),
			format.Raw(),
		},
	}
}
