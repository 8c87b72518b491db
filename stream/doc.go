// Package stream is the vocabulary of flowd: types, schemas, column batches, the messages that travel between
// tasks, and the contracts of sources, operators and sinks. It starts no goroutine, opens nothing and knows no
// operator, connector or engine.
package stream
