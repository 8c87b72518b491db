package kafka

import (
	"flowd/operators"
	"flowd/stream"
)

// Connector describes the kafka source and sink to the pipeline.
func Connector() operators.Connector {
	return operators.Connector{
		Name: "kafka",
		Doc:  "Topics of an Apache Kafka cluster, version 0.11 or later.",
		Source: &operators.SourceType{
			Config:     sourceField(),
			New:        newSource,
			Metadata:   Metadata(),
			RecordTime: true,
		},
		Sink: &operators.SinkType{
			Config: sinkField(),
			New:    newSink,
		},
	}
}

// Metadata lists the columns a kafka source can add to its rows.
func Metadata() []stream.ColumnDef {
	str := stream.Type{ID: stream.String, NotNull: true}
	val := stream.Type{ID: stream.Bytes}
	return []stream.ColumnDef{
		{Name: "_key", Type: stream.Type{ID: stream.Bytes}},
		{Name: "_topic", Type: str},
		{Name: "_partition", Type: stream.Type{ID: stream.Int, NotNull: true}},
		{Name: "_offset", Type: stream.Type{ID: stream.BigInt, NotNull: true}},
		{Name: "_timestamp", Type: stream.Type{ID: stream.TimestampLTZ, Precision: 3, NotNull: true}},
		{Name: "_headers", Type: stream.Type{ID: stream.Map, Key: &str, Elem: &val, NotNull: true}},
	}
}

func clusterFields() []operators.Field {
	return []operators.Field{
		{
			Name: "brokers", Type: operators.Any, Example: "broker1:9092,broker2:9092", Flink: "properties.bootstrap.servers",
			Doc: "Addresses to connect to first, host:port, as a list or separated by commas; the others are learnt from them.",
		},
		{
			Name: "tls", Type: operators.Object, Bare: "enabled", Flink: "properties.security.protocol",
			Doc: "Encrypts connections; true trusts the system's certificate authorities.",
			Fields: []operators.Field{
				{Name: "enabled", Type: operators.Bool, Default: "true", Doc: "Whether to use TLS at all."},
				{
					Name: "ca", Type: operators.Text, Example: "/etc/kafka/ca.pem", Flink: "properties.ssl.truststore.location",
					Doc: "PEM file with the authorities to trust instead of the system's.",
				},
				{Name: "cert", Type: operators.Text, Flink: "properties.ssl.keystore.location", Doc: "PEM file with the client's certificate chain, for brokers that ask for one."},
				{Name: "key", Type: operators.Text, Flink: "properties.ssl.keystore.key", Doc: "PEM file with the private key of cert."},
			},
		},
		{
			Name: "sasl", Type: operators.Object, Flink: "properties.sasl.jaas.config",
			Doc: "How to authenticate.",
			Fields: []operators.Field{
				{Name: "mechanism", Type: operators.Enum, Enum: mechanisms, Default: "scram_sha_512", Flink: "properties.sasl.mechanism", Doc: "The SASL mechanism."},
				{Name: "username", Type: operators.Text, Required: true, Doc: "Name of the user."},
				{Name: "password", Type: operators.Text, Required: true, Secret: true, Example: "${file:/run/secrets/pw}", Doc: "Password of the user."},
			},
		},
	}
}

func sourceField() operators.Field {
	fields := []operators.Field{
		{Name: "topic", Type: operators.Text, Example: "clicks", Flink: "topic", Doc: "The topic to read."},
		{Name: "topics", Type: operators.List, Elem: &operators.Field{Name: "topic", Type: operators.Text}, Flink: "topic", Doc: "Several topics to read as one source."},
		{
			Name: "topic_pattern", Type: operators.Text, Example: "clicks-.*", Flink: "topic-pattern",
			Doc: "Regular expression (RE2) that the whole name of a topic must match; topics created later are found as well.",
		},
		{
			Name: "group", Type: operators.Text, Flink: "properties.group.id",
			Doc: "Consumer group whose committed offsets show the progress, and where `committed` positions are read; the name of the pipeline by default.",
		},
		positionField("start", "Where to begin when there is no checkpoint to restore.", "earliest", "scan.startup.mode"),
		positionField("stop", "Where to end; makes the run bounded. Resolved to offsets before the first record is read.", "", "scan.bounded.mode"),
		{
			Name: "on_missing", Type: operators.Enum, Enum: []string{onMissingFail, onMissingEarliest, onMissingLatest}, Default: onMissingFail, Flink: "properties.auto.offset.reset",
			Doc: "What to do when the position to read from is no longer in the log, or the topic was created anew.",
		},
		{
			Name: "discover", Type: operators.Duration, Default: "1m", Flink: "scan.topic-partition-discovery.interval",
			Doc: "How often new partitions are looked for; a new one starts at its earliest record. 0s: never.",
		},
		{
			Name: "isolation", Type: operators.Enum, Enum: []string{"read_committed", "read_uncommitted"}, Default: "read_committed", Flink: "properties.isolation.level",
			Doc: "Whether records of open and aborted transactions are left out.",
		},
	}
	return operators.Field{
		Name: "kafka", Type: operators.Object, Bare: "topic", Fields: append(fields, clusterFields()...),
		Doc: "Reads Kafka topics.", Example: "clicks", Flink: "connector",
	}
}

// positionField is start or stop: a word, or an object with exactly one key.
func positionField(name, doc, def, flink string) operators.Field {
	return operators.Field{
		Name: name, Type: operators.Object, Bare: "at", Default: def, Flink: flink, Example: "{timestamp: now-6h}",
		Doc: doc + " One of earliest, latest, committed, {timestamp: T}, {committed: earliest | latest | fail} and {offsets: {0: 42}}.",
		Fields: []operators.Field{
			{Name: "at", Type: operators.Enum, Enum: []string{"earliest", "latest", "committed"}, Doc: "The ends of the log, or the offsets committed to the group."},
			{
				Name: "timestamp", Type: operators.Instant, Example: "2026-01-01T00:00:00Z", Flink: name2(name, "scan.startup.timestamp-millis", "scan.bounded.timestamp-millis"),
				Doc: "The first record with this timestamp or a later one; the log end if there is none.",
			},
			{
				Name: "committed", Type: operators.Enum, Enum: []string{onMissingEarliest, onMissingLatest, onMissingFail},
				Doc: "The offsets committed to the group, and what to take for a partition that has none (earliest if only `committed` is written). They are of rows that were read, for monitoring: what was read but not yet written when a job died is not read again.",
			},
			{
				Name: "offsets", Type: operators.Dict, Elem: &operators.Field{Name: "offset", Type: operators.Integer}, Example: "{0: 42, 1: 300}",
				Flink: name2(name, "scan.startup.specific-offsets", "scan.bounded.specific-offsets"),
				Doc:   "Offset by partition, for a single topic; partitions left out use earliest as start and latest as stop.",
			},
		},
	}
}

func name2(name, start, stop string) string {
	if name == "start" {
		return start
	}
	return stop
}

func sinkField() operators.Field {
	fields := []operators.Field{
		{Name: "topic", Type: operators.Text, Required: true, Example: "alerts", Flink: "topic", Doc: "The topic to write; it must exist."},
		{
			Name: "key", Type: operators.Any, Example: "user_id", Flink: "key.fields",
			Doc: "Column whose value, as text, is the record key; a list of columns makes a JSON object. Rows of one key go to one partition, chosen as Java clients do.",
		},
		{Name: "partition", Type: operators.Text, Flink: "sink.partitioner", Doc: "Integer column that names the partition; where it is NULL the key decides."},
		{
			Name: "headers", Type: operators.Dict, Elem: &operators.Field{Name: "column", Type: operators.Text}, Example: "{trace: trace_id}",
			Doc: "Record headers: name of the header and the column its value is taken from.",
		},
		{
			Name: "compression", Type: operators.Enum, Enum: []string{"none", "gzip", "snappy", "lz4", "zstd"}, Default: "lz4", Flink: "properties.compression.type",
			Doc: "Codec of the record batches; lz4 nearly pays for itself by what it saves on the network.",
		},
		{Name: "transactional_id", Type: operators.Text, Later: true, Flink: "sink.transactional-id-prefix", Doc: "Prefix of the transactional ids with delivery: exactly_once."},
	}
	return operators.Field{
		Name: "kafka", Type: operators.Object, Bare: "topic", Fields: append(fields, clusterFields()...),
		Doc: "Writes to a Kafka topic with an idempotent producer.", Example: "alerts", Flink: "connector",
	}
}
