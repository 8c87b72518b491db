package recordbatch

import "hash/crc32"

// Where the fields of a batch stand, in bytes from its start; all are big-endian.
const (
	posBaseOffset      = 0  // int64
	posLength          = 8  // int32, of what follows it
	posLeaderEpoch     = 12 // int32
	posMagic           = 16 // int8
	posCRC             = 17 // uint32, CRC32C of everything from posAttributes
	posAttributes      = 21 // int16
	posLastOffsetDelta = 23 // int32
	posBaseTimestamp   = 27 // int64
	posMaxTimestamp    = 35 // int64
	posProducerID      = 43 // int64
	posProducerEpoch   = 51 // int16
	posBaseSequence    = 53 // int32
	posCount           = 57 // int32
	headerSize         = 61

	lengthEnd = posLeaderEpoch // the length field counts from here
)

const (
	attrCodec         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
)

const (
	// minRecord is the size of the smallest record: length, attributes, two deltas, two lengths, header count.
	minRecord = 7
	// slack is how many bytes can be read after the last record.
	slack = 8
	// maxData keeps positions in 32 bits.
	maxData = 1<<31 - 1

	// DefaultMaxBatchBytes bounds a batch before and after decompression.
	DefaultMaxBatchBytes = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
