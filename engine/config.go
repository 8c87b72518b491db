package engine

import (
	"time"

	"github.com/rs/zerolog"

	"flowd/stream"
)

// Config is what a job needs besides its plan. The zero value works.
type Config struct {
	Logger zerolog.Logger
	// ChannelPerInput is how many messages the channel of a task holds for each of its inputs; 0 means 8.
	ChannelPerInput int
	// BatchRows is how many rows the batches of sources and operators hold; 0 means stream.DefaultRows.
	BatchRows int
	// HashSeed seeds the hash that spreads keys over instances. It is drawn once in the life of a job.
	HashSeed uint64
	// Clock tells the wall-clock time that max_ahead is measured from; nil means time.Now.
	Clock func() time.Time
}

func (c Config) withDefaults() Config {
	if c.ChannelPerInput <= 0 {
		c.ChannelPerInput = 8
	}
	if c.BatchRows <= 0 {
		c.BatchRows = stream.DefaultRows
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}
