package recordbatch

import "fmt"

// Kind says what is wrong with a batch.
type Kind uint8

const (
	// Corrupt says that the bytes contradict themselves or their checksum.
	Corrupt Kind = iota + 1
	// TooLarge says that the batch is larger than Options.MaxBatchBytes, compressed or not.
	TooLarge
	// Unsupported is a format or codec that this package does not read.
	Unsupported
	// Incomplete says that the data end inside their first batch. Nothing is wrong with the batch; it has to be
	// fetched again with room for Error.Need bytes.
	Incomplete
)

func (k Kind) String() string {
	switch k {
	case Corrupt:
		return "corrupt"
	case TooLarge:
		return "too large"
	case Unsupported:
		return "unsupported"
	case Incomplete:
		return "incomplete"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is a batch that cannot be read.
type Error struct {
	Offset int64 // the first record that cannot be read; the base offset of its batch unless earlier ones were returned
	Kind   Kind
	Need   int // Incomplete: bytes that hold the batch
	Msg    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("record batch at offset %d: %s: %s", e.Offset, e.Kind, e.Msg)
}
