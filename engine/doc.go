// Package engine runs a plan: it makes tasks and channels of the plan's nodes and edges, moves batches, watermarks
// and barriers through them, and ends them all. It does not know what operators compute, where state lies or when
// a checkpoint is due.
//
// # Tasks
//
// A task is one goroutine with one input channel that all its senders share. It runs one instance of a node and of
// the stateless nodes chained behind it, which it calls as functions. A message carries the number of the input it
// came by; an input is one sender of one edge. Control never overtakes data of the same input.
//
// # Credit
//
// Batches come from pools of fixed size and go back to them when the last reader lets go. A task that finds its
// pool empty, or the channel of its receiver full, waits; nothing is dropped and nothing grows. No task keeps rows
// back while it waits: an exchange passes on all of a batch before the next one is taken.
//
// # Watermarks
//
// A source keeps one watermark for each split (largest event time − delay) and sends the minimum over its live
// splits; a receiver keeps one for each input and takes the minimum over its live inputs. Neither ever goes back.
// A source ends a batch early, and sends the watermark first, before a row that its own split's watermark has made
// late, so that what is late does not depend on how rows were fetched or batched. With one split that is exactly as
// if a watermark followed each row. With several, the slowest split decides, and how far it has come when a row of
// another split is read may differ between runs; but the minimum only ever holds the watermark back, so a row that
// is not late within its own split is late in no run, unless its split had been idle.
//
// # Ending
//
// A bounded source sends MaxWatermark and End when every split is finished; operators then finish and sinks flush.
// Stop ends sources where they are: what was read flows through and is flushed, windows that are open stay open.
// Cancelling the context of Run, an error or a panic ends every task as soon as it notices, and nothing is flushed.
package engine
