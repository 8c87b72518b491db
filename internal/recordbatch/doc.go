// Package recordbatch reads and writes Kafka record batches (format v2): the bytes inside fetch responses and produce
// requests. It is a codec and nothing else: it opens no connection, starts no goroutine and knows no topic.
//
// A Reader turns the record set of one partition into columns of positions in one buffer, so that values are decoded
// where they lie. A Builder turns keys and values into one batch. Both allocate nothing per record once warm.
//
// What a broker sends is not trusted: every length is checked before it is used, the CRC32C of every batch is compared,
// and decompression stops at a limit, whatever the data declares.
//
// The format is the one of Apache Kafka's documentation, "Message Format", and of KIP-98; what the names of
// compression codecs and partitions mean follows the Java client.
package recordbatch
