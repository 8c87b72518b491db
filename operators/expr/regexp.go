package expr

import (
	"regexp"

	"flowd/stream"
)

func compileRegexp(s string) (*regexp.Regexp, error) { return regexp.Compile(s) }

func regexpExtractKernel(k *funcKernel) {
	if p, ok := k.constSecond(); ok {
		k.re, _ = compileRegexp(p.Str) // checked by Bind
	}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			group := 0
			if len(in) == 3 {
				group = int(min(max(in[2].I64[i], -1), 1000))
			}
			text := in[0].BytesAt(i)
			if group == 0 {
				if m := k.re.Find(text); m != nil {
					w.set(i, m)
				} else {
					r.null(out, i)
				}
				continue
			}
			m := k.re.FindSubmatchIndex(text)
			if group < 0 || 2*group+1 >= len(m) || m[2*group] < 0 {
				r.null(out, i)
				continue
			}
			w.set(i, text[m[2*group]:m[2*group+1]])
		}
		w.end()
	}
}

func regexpReplaceKernel(k *funcKernel) {
	if p, ok := k.constSecond(); ok {
		k.re, _ = compileRegexp(p.Str)
	}
	k.loop = func(k *funcKernel, r *run, rs rows, in []*stream.Column, out *stream.Column) {
		w := writeText(out, r.n)
		for j := range rs.n {
			i := rs.at(j)
			if out.IsNull(i) {
				continue
			}
			text := in[0].BytesAt(i)
			if k.re.Match(text) {
				text = k.re.ReplaceAllLiteral(text, in[2].BytesAt(i))
			}
			w.set(i, text)
		}
		w.end()
	}
}
