package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"unsafe"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// errLimit says that data decompress to more than the limit.
var errLimit = errors.New("larger than the limit")

// decompressors holds idle decompressors: a Reader takes one for the time of one batch, so that many Readers share
// the codecs' memory.
var decompressors = sync.Pool{New: func() any { return new(decompressor) }}

// decompressor has the state of the codecs, made when first needed.
type decompressor struct {
	src  bytes.Reader
	gzip *gzip.Reader
	lz4  *lz4.Reader
	zstd *zstd.Decoder
}

// decompress decompresses src into dst[:0], which may be moved, and returns it with slack bytes of capacity to spare.
// No more than limit bytes are made (errLimit), and the memory follows the data rather than what they declare.
func decompress(dst []byte, codec Codec, src []byte, limit int) ([]byte, error) {
	d := decompressors.Get().(*decompressor)
	defer decompressors.Put(d)
	defer d.src.Reset(nil)
	d.src.Reset(src)
	switch codec {
	case Gzip:
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		if err := d.gzip.Reset(&d.src); err != nil {
			return dst, err
		}
		return readAll(dst, d.gzip, len(src), limit)
	case LZ4:
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(nil)
		}
		d.lz4.Reset(&d.src)
		dst, err := readAll(dst, d.lz4, len(src), limit)
		d.lz4.Reset(nil)
		return dst, err
	case Snappy:
		return unsnappy(dst, src, limit)
	case Zstd:
		return d.unzstd(dst, src, limit)
	}
	return dst, fmt.Errorf("unknown compression %s", codec)
}

// room returns b[:0] with capacity for n bytes and slack.
func room(b []byte, n int) []byte {
	if cap(b) >= n+slack {
		return b[:0]
	}
	return make([]byte, 0, n+slack)
}

// firstGuess is the room made for n compressed bytes of unknown decompressed size.
func firstGuess(n, limit int) int { return min(max(4*n, 64<<10), limit) }

// nextRoom is how much room follows n: double, or all at once when it is half of the limit.
func nextRoom(n, limit int) int {
	if n > limit/4 {
		return limit
	}
	return 2 * n
}

// readAll reads r to its end.
func readAll(dst []byte, r io.Reader, n, limit int) ([]byte, error) {
	dst = room(dst, firstGuess(n, limit))
	for idle := 0; ; {
		// The byte past the limit tells whether there is more.
		free := dst[len(dst):min(cap(dst), limit+1)]
		if len(free) == 0 {
			dst = append(make([]byte, 0, nextRoom(cap(dst), limit)+slack), dst...)
			continue
		}
		n, err := r.Read(free)
		if n == 0 && err == nil {
			if idle++; idle > 100 {
				return dst, io.ErrNoProgress
			}
			continue
		}
		idle = 0
		dst = dst[:len(dst)+n]
		if len(dst) > limit {
			return dst, errLimit
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return dst, err
		}
	}
	if cap(dst)-len(dst) < slack {
		dst = append(make([]byte, 0, len(dst)+slack), dst...)
	}
	return dst, nil
}

// xerialMagic begins the framing that the Java client puts around snappy blocks: the magic, two int32 versions, then
// blocks with an int32 length before each.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

// unsnappy reads one snappy block, or several in xerial framing.
func unsnappy(dst, src []byte, limit int) ([]byte, error) {
	if len(src) < xerialHeader || !bytes.HasPrefix(src, xerialMagic) {
		n, err := snappyLen(src, limit)
		if err != nil {
			return dst, err
		}
		dst = room(dst, n)
		return snappy.Decode(dst[:n], src)
	}
	total := 0
	for rest := src[xerialHeader:]; len(rest) > 0; {
		block, next, err := xerialBlock(rest)
		if err != nil {
			return dst, err
		}
		n, err := snappyLen(block, limit-total)
		if err != nil {
			return dst, err
		}
		total += n
		rest = next
	}
	dst = room(dst, total)
	for rest := src[xerialHeader:]; len(rest) > 0; {
		block, next, err := xerialBlock(rest)
		if err != nil {
			return dst, err
		}
		n, err := snappyLen(block, limit)
		if err != nil {
			return dst, err
		}
		if _, err := snappy.Decode(dst[len(dst):len(dst)+n], block); err != nil {
			return dst, err
		}
		dst = dst[:len(dst)+n]
		rest = next
	}
	return dst, nil
}

// xerialBlock cuts the first block off b.
func xerialBlock(b []byte) (block, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("xerial framing: cut off inside a length")
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if uint64(n) > uint64(len(b)) {
		return nil, nil, fmt.Errorf("xerial framing: a block of %d bytes where %d are left", n, len(b))
	}
	return b[:n], b[n:], nil
}

// snappyLen is the declared size of a block, if the block can be that large: three bytes make at most 64.
func snappyLen(block []byte, limit int) (int, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return 0, err
	}
	if n > 22*len(block) {
		return 0, fmt.Errorf("a snappy block of %d bytes declares %d", len(block), n)
	}
	if n > limit {
		return 0, errLimit
	}
	return n, nil
}

// zstdBlock is the most that a zstd block holds.
const zstdBlock = 128 << 10

// unzstd reads zstd frames. The decoder may fill only the room it is given, which grows until the data fit: what they
// declare is not trusted, and once warm one pass is enough. The last room holds a block more than the limit, because
// the decoder's error does not always say that a block found no room: only if so much was made that one could not.
func (d *decompressor) unzstd(dst, src []byte, limit int) ([]byte, error) {
	if d.zstd == nil {
		var err error
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return dst, err
		}
	}
	most := limit + zstdBlock
	guess := firstGuess(len(src), limit)
	var h zstd.Header
	if h.Decode(src) == nil && h.HasFCS && h.FrameContentSize <= uint64(limit) {
		guess = max(guess, int(h.FrameContentSize))
	}
	for dst = room(dst, guess+zstdBlock); ; {
		free := min(cap(dst)-slack, most)
		out, err := d.zstd.DecodeAll(src, dst[:0:free])
		switch full := errors.Is(err, zstd.ErrDecoderSizeExceeded) || len(out) > free-zstdBlock; {
		case len(out) > limit, err != nil && full && free == most:
			return dst[:0], errLimit
		case err == nil && (len(out) == 0 || unsafe.SliceData(out) == unsafe.SliceData(dst)):
			return dst[:len(out)], nil
		case err == nil: // the decoder took memory of its own
			return append(room(dst, len(out)), out...), nil
		case !full:
			return dst[:0], err
		}
		dst = room(nil, nextRoom(2*free, limit)+zstdBlock) // four times: each try begins anew
	}
}
