package main

import (
	"fmt"
	"strings"
)

var known = []string{"q0", "q1", "q2", "tumble", "keys", "q5", "q7", "k2k"}

// transforms are the queries as a user would write them. q0 reads all seven columns, the others those they name.
var transforms = map[string]string{
	"q0":     `select: [auction, bidder, price, channel, url, date_time, extra]`,
	"q1":     `select: [auction, price: price * 0.908, date_time]`,
	"q2":     "where: MOD(auction, 123) = 0\n    select: [auction, price]",
	"tumble": "window: {tumble: 10s}\n    group_by: auction\n    aggregate: {num: COUNT(*)}\n    select: [auction, num, window_start]",
	// 100,000 keys in every window.
	"keys": "window: {tumble: 10s}\n    group_by: {k: \"MOD(price * 31 + auction, 100000)\"}\n    aggregate: {num: COUNT(*)}\n    select: [k, num, window_start]",
	"q5": "window: {slide: 10s, every: 2s}\n    group_by: auction\n    aggregate: {num: COUNT(*)}\n" +
		"    top: {n: 1, by: num desc, ties: keep}\n    select: [auction, num, window_start]",
	"q7":  "window: {tumble: 10s}\n    top: {n: 1, by: price desc, ties: keep}\n    select: [auction, bidder, price, date_time]",
	"k2k": `select: [auction, price: price * 0.908, date_time]`,
}

// pipelineText is the pipeline of a query.
func pipelineText(o options) string {
	source := fmt.Sprintf("kafka: {topic: %s, stop: latest}", o.Topic)
	if o.Source == "memory" {
		source = fmt.Sprintf("memory: {records: %d, compression: %s}", o.Records, o.Compression)
	}
	sink := "tally: {}"
	if o.Query == "k2k" {
		sink = fmt.Sprintf("kafka: {topic: %s, compression: none}", o.Out)
	}
	brokers := o.Brokers
	if brokers == "" {
		brokers = "none:1"
	}
	return fmt.Sprintf(`name: bench
kafka: %s
parallelism: %d
sources:
  bids:
    %s
    schema: {auction: bigint not null, bidder: bigint not null, price: bigint not null, channel: string, url: string, date_time: timestamp not null, extra: string}
    time: date_time
    watermark: 2s
transforms:
  q:
    %s
sinks:
  out:
    %s
`, strings.ReplaceAll(brokers, ",", ", "), o.Parallelism, source, transforms[o.Query], sink)
}
