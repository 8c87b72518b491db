// Package lab is what tests of whole pipelines stand on: running a pipeline from its text, a Kafka to run it against,
// an independent client that fills and reads topics, and lists of lines to compare. It holds no test.
package lab
