// Package kafka is the source and the sink for Kafka topics. It takes connections, TLS, SASL and API negotiation from
// kafka-go's Transport, and writes and reads fetch, produce and metadata requests itself, because that is several
// times cheaper and because kafka-go's Reader and Writer can neither filter aborted transactions nor write
// idempotently. It is no consumer group member: partitions are assigned by flowd, and offsets committed to a group
// are only for monitoring and for `start: committed`.
//
// Source: a reader owns a RawFetcher, which has one goroutine per leader broker that fetches and one that keeps the
// metadata fresh; records are decoded by whoever calls Poll. Sink: the caller of Write encodes and collects batches;
// one goroutine per leader broker sends them, one batch of each partition at a time.
package kafka
