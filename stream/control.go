package stream

import "math"

// Watermarks are event times in ms: a promise that no row with an earlier event time follows, late ones excepted.
const (
	// MinWatermark is the watermark before the first row.
	MinWatermark int64 = math.MinInt64
	// MaxWatermark closes everything: it is what the end of a bounded input means.
	MaxWatermark int64 = math.MaxInt64
)

// CheckpointID numbers the checkpoints of a job, from 1.
type CheckpointID uint64

// Barrier cuts a channel: what came before it belongs to Checkpoint, what follows does not.
type Barrier struct {
	Checkpoint CheckpointID
	Unaligned  bool // captured in flight instead of aligned
	Final      bool // the last one: the job ends after it
}

// MessageKind says what a message is.
type MessageKind uint8

// What travels in a channel. Control never overtakes data of the same input.
const (
	MsgBatch MessageKind = iota + 1
	MsgWatermark
	MsgIdle // the input holds no watermark back until its next watermark
	MsgBarrier
	MsgEnd // nothing follows on this input
)

// Message is what travels in a channel from one task to another.
type Message struct {
	Kind      MessageKind
	Input     int32  // which of the receiver's channels it came by
	Batch     *Batch // MsgBatch; the receiver owns the header
	Watermark int64  // MsgWatermark, ms
	Barrier   Barrier
}
