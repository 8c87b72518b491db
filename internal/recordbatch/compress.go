package recordbatch

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Levels of the codecs. Level 0 stands for the default.
const (
	DefaultGzipLevel = 6 // 1 to 9
	DefaultLZ4Level  = 1 // 1 (fast) and 2 to 9 (high compression, slow)
	DefaultZstdLevel = 3 // 1 to 22
)

// compressor compresses with one codec and level and keeps the codec's memory.
type compressor struct {
	codec Codec
	gzip  *gzip.Writer
	lz4   *lz4.Writer
	zstd  *zstd.Encoder
	sink  appender
}

// appender is an io.Writer to a slice.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func newCompressor(codec Codec, level int) (*compressor, error) {
	c := &compressor{codec: codec}
	most, def := 0, 0
	switch codec {
	case None, Snappy:
	case Gzip:
		most, def = 9, DefaultGzipLevel
	case LZ4:
		most, def = 9, DefaultLZ4Level
	case Zstd:
		most, def = 22, DefaultZstdLevel
	default:
		return nil, fmt.Errorf("unknown compression %s: expected none, gzip, snappy, lz4 or zstd", codec)
	}
	if level < 0 || level > most {
		if most == 0 {
			return nil, fmt.Errorf("compression level %d: %s has no levels", level, codec)
		}
		return nil, fmt.Errorf("compression level %d: expected 1 to %d for %s", level, most, codec)
	}
	if level == 0 {
		level = def
	}
	var err error
	switch codec {
	case Gzip:
		c.gzip, err = gzip.NewWriterLevel(io.Discard, level)
	case LZ4:
		// Independent blocks without checksums: what every client reads; the batch has a CRC of its own.
		c.lz4 = lz4.NewWriter(io.Discard)
		err = c.lz4.Apply(lz4.ConcurrencyOption(1), lz4.BlockSizeOption(lz4.Block256Kb), lz4.ChecksumOption(false),
			lz4.CompressionLevelOption(lz4Level(level)))
	case Zstd:
		c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(2<<20))
	}
	if err != nil {
		return nil, fmt.Errorf("compression %s, level %d: %w", codec, level, err)
	}
	return c, nil
}

// lz4Level gives 1 the fast mode and 2 to 9 the depths of the high-compression mode.
func lz4Level(level int) lz4.CompressionLevel {
	if level == 1 {
		return lz4.Fast
	}
	return [...]lz4.CompressionLevel{
		2: lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7,
		lz4.Level8, lz4.Level9,
	}[level]
}

// compress appends the compressed src to dst.
func (c *compressor) compress(dst, src []byte) ([]byte, error) {
	switch c.codec {
	case Snappy:
		n := s2.MaxEncodedLen(len(src))
		if n < 0 {
			return nil, fmt.Errorf("compressing %d bytes: too much for one snappy block", len(src))
		}
		if cap(dst)-len(dst) < n {
			dst = append(make([]byte, 0, len(dst)+n), dst...)
		}
		return dst[:len(dst)+len(s2.EncodeSnappy(dst[len(dst):len(dst)+n], src))], nil
	case Zstd:
		return c.zstd.EncodeAll(src, dst), nil
	}
	c.sink.b = dst
	var w io.WriteCloser
	if c.codec == Gzip {
		c.gzip.Reset(&c.sink)
		w = c.gzip
	} else {
		c.lz4.Reset(&c.sink)
		w = c.lz4
	}
	if _, err := w.Write(src); err != nil {
		return nil, fmt.Errorf("compressing with %s: %w", c.codec, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compressing with %s: %w", c.codec, err)
	}
	dst, c.sink.b = c.sink.b, nil
	return dst, nil
}
