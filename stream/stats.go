package stream

import "sync/atomic"

// Stats counts what one instance of a step did. The instance adds once a batch; anybody may read at any time.
// Each input row of a step ends in exactly one of Passed, Filtered, Absorbed, Late and Errors, or is still held.
type Stats struct {
	RowsIn, RowsOut atomic.Int64 // selected rows received; emitted on PortMain (an aggregate's output is no part of the sum)
	Passed          atomic.Int64
	Filtered        atomic.Int64
	Absorbed        atomic.Int64
	Late            atomic.Int64 // rows late in all their windows
	Errors          atomic.Int64
	ResultErrors    atomic.Int64 // rows of results that could not be made (a SUM over its type); no part of the sum
	BytesIn         atomic.Int64 // of records read from outside
	BytesOut        atomic.Int64 // of records written outside
	Clamped         atomic.Int64 // rows whose time lay beyond max_ahead
	Cuts            atomic.Int64 // batches a source ended early before a late row
	Retries         atomic.Int64 // attempts repeated because the outside did not answer well
	Watermark       atomic.Int64 // ms
	StateRows       atomic.Int64
	StateBytes      atomic.Int64
	BusyNanos       atomic.Int64 // time in Process, OnWatermark, Write, Poll
	BlockedNanos    atomic.Int64 // time waiting to send
}
