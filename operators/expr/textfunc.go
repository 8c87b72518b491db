package expr

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"

	"flowd/stream"
)

func charLengthKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			out.I64[i] = int64(utf8.RuneCount(in[0].BytesAt(i)))
		}
	}
}

func positionKernel(k *funcKernel) {
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		for j := range rs.n {
			i := rs.at(j)
			text := in[1].BytesAt(i)
			at := bytes.Index(text, in[0].BytesAt(i))
			out.I64[i] = 0
			if at >= 0 {
				out.I64[i] = int64(utf8.RuneCount(text[:at])) + 1
			}
		}
	}
}

// digestKernel is MD5 and SHA256.
func digestKernel(k *funcKernel) {
	isMD5 := k.node.fn.name == "MD5"
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			w.row(i)
			if isMD5 {
				sum := md5.Sum(in[0].BytesAt(i))
				out.Bytes = hex.AppendEncode(out.Bytes, sum[:])
			} else {
				sum := sha256.Sum256(in[0].BytesAt(i))
				out.Bytes = hex.AppendEncode(out.Bytes, sum[:])
			}
		}
		w.end()
	}
}

// concatKernel is || and CONCAT.
type concatKernel struct {
	args []operand
	in   []*stream.Column
}

func (k *concatKernel) eval(r *run, sel []int32, out *stream.Column) {
	for i := range k.args {
		k.in[i] = k.args[i].get(r, sel)
	}
	validity(out, r.n, k.in...)
	w := writeText(out, r.n)
	rs := selected(sel, r.n)
	for j := range rs.n {
		i := rs.at(j)
		if out.IsNull(i) {
			continue
		}
		w.row(i)
		for _, c := range k.in {
			out.Bytes = append(out.Bytes, c.BytesAt(i)...)
		}
	}
	w.end()
}
