package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// request header fields and primitive types of the Kafka protocol guide; all numbers are big-endian.

const clientID = "flowd"

// beginFrame starts a request: room for the size, then the header (v2 if flexible, v1 otherwise).
func beginFrame(dst []byte, key, version int16, correlation int32, flexible bool) []byte {
	dst = append(dst[:0], 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(key))
	dst = binary.BigEndian.AppendUint16(dst, uint16(version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
	dst = appendString(dst, clientID)
	if flexible {
		dst = append(dst, 0) // no tagged fields
	}
	return dst
}

// endFrame fills in the size; extra bytes will follow dst on the wire.
func endFrame(dst []byte, extra int) []byte {
	binary.BigEndian.PutUint32(dst, uint32(len(dst)-4+extra))
	return dst
}

func appendInt16(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }

func appendInt32(dst []byte, v int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(v)) }

func appendInt64(dst []byte, v int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(v)) }

func appendString(dst []byte, s string) []byte {
	return append(appendInt16(dst, int16(len(s))), s...)
}

// errFrame says that a response does not have the form its version prescribes.
var errFrame = errors.New("the broker sent a malformed response")

// frame reads one response from a connection: fields are taken from r as they are asked for, so that large byte
// fields go straight to where they are wanted. After the first error every read gives zero.
type frame struct {
	r    io.Reader
	left int // bytes of the frame not yet read
	err  error
	flex bool
	buf  [16]byte
	text []byte // memory of bytes
}

// open reads size and header of a response and checks that it answers correlation.
func (f *frame) open(r io.Reader, limit int, correlation int32, flexible bool) {
	*f = frame{r: r, left: 4, flex: flexible, text: f.text}
	size := int(f.int32())
	if f.err == nil && (size < 4 || size > limit) {
		f.err = fmt.Errorf("%w: a frame of %d bytes, expected at most %d", errFrame, size, limit)
	}
	f.left = size
	if got := f.int32(); f.err == nil && got != correlation {
		f.err = fmt.Errorf("%w: it answers request %d instead of %d", errFrame, got, correlation)
	}
	f.tags()
}

func (f *frame) take(n int) []byte {
	b := f.buf[:n]
	f.read(b)
	return b
}

func (f *frame) read(b []byte) {
	if f.err == nil && len(b) > f.left {
		f.err = fmt.Errorf("%w: it ends too early", errFrame)
	}
	if f.err == nil {
		_, f.err = io.ReadFull(f.r, b)
	}
	if f.err != nil {
		clear(b)
		return
	}
	f.left -= len(b)
}

func (f *frame) bool() bool   { return f.take(1)[0] != 0 }
func (f *frame) int16() int16 { return int16(binary.BigEndian.Uint16(f.take(2))) }
func (f *frame) int32() int32 { return int32(binary.BigEndian.Uint32(f.take(4))) }
func (f *frame) int64() int64 { return int64(binary.BigEndian.Uint64(f.take(8))) }

func (f *frame) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := f.take(1)[0]
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	f.fail("a number is too long")
	return 0
}

func (f *frame) fail(what string) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s", errFrame, what)
	}
}

// count is the length of an array whose elements have at least that many bytes; −1 for null.
func (f *frame) count(least int) int {
	var n int
	if f.flex {
		n = int(f.uvarint()) - 1
	} else {
		n = int(f.int32())
	}
	if n > 0 && n*least > f.left {
		f.fail("an array is longer than the response")
	}
	if f.err != nil {
		return 0
	}
	return n
}

// string reads a string; null is "".
func (f *frame) string() string { return string(f.bytes()) }

// bytes reads a string; it is valid until the next one is read.
func (f *frame) bytes() []byte {
	var n int
	if f.flex {
		n = int(f.uvarint()) - 1
	} else {
		n = int(f.int16())
	}
	if n <= 0 || f.err != nil {
		return nil
	}
	if n > f.left {
		f.fail("a string is longer than the response")
		return nil
	}
	f.text = slices.Grow(f.text[:0], n)[:n]
	f.read(f.text)
	return f.text
}

// skip reads over n bytes.
func (f *frame) skip(n int) {
	for n > 0 && f.err == nil {
		k := min(n, len(f.buf))
		f.read(f.buf[:k])
		n -= k
	}
}

// tags reads over tagged fields, which only flexible versions have.
func (f *frame) tags() {
	if !f.flex {
		return
	}
	for n := f.uvarint(); n > 0 && f.err == nil; n-- {
		f.uvarint()
		f.skip(int(f.uvarint()))
	}
}

// close reads what is left of the frame, so that the connection stands at the next one.
func (f *frame) close() error {
	if f.err == nil {
		f.skip(f.left)
	}
	return f.err
}
