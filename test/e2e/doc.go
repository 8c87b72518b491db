// Package e2e runs whole pipelines from their YAML, over files and over an embedded Kafka, and holds their results
// against golden ones. It has no code of its own, only tests.
package e2e
