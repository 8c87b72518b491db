package format

import (
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"flowd/operators"
	"flowd/stream"
)

// TestReadsNoFurther puts records at the end of a page, with nothing readable after it: a load beyond the slack is a fault.
func TestReadsNoFurther(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	size := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 2*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	fields := anyFields()
	docs := []string{
		`{"a":123,"bb":"abcdefghijklmnop","ccccccccc":1234567890123456789,"d":true,"time":"2026-01-01 00:00:00.123","dec":12.50,"row":{"x":1,"yy":"y","z":{"f":1.5e3}}}`,
		`{"an_extraordinarily_long_key":"\ud83d\ude00é😀","list":["a","\u00e9"],"map":{"a":1},"rows":[{"x":12345678,"yy":"s"}],"unknown":123456789012.5e10,"u2":null,"time":"2026-01-01T00:00:00Z"}`,
	}
	for _, doc := range docs {
		nine := strings.NewReplacer("1", "9", "a", "b").Replace(doc[strings.Index(doc, ":"):])
		for cut := 1; cut <= len(doc); cut++ {
			for _, after := range []string{doc[cut:] + strings.Repeat("9", slack), strings.Repeat("9", slack), strings.Repeat(`"`, slack), strings.Repeat("x", slack), nine} {
				d := testDecoder(t, fields, stream.Flatten(fields))
				for _, teach := range []bool{false, true} {
					if teach {
						verdict(d, []byte(doc))
					}
					buf := mem[size-cut-slack : size : size]
					copy(buf, doc[:cut])
					copy(buf[cut:], after[:slack])
					b := stream.NewPool(d.plan.want, 64, 1).TryGet()
					var errs stream.RowErrors
					d.Decode(b, &operators.RawRecords{Buf: buf, Start: []uint32{0}, End: []uint32{uint32(cut)}}, nil, &errs)
					if (errs.Len() == 0) != (cut == len(doc)) {
						t.Fatalf("%s: %v", doc[:cut], errs.List)
					}
				}
			}
		}
	}
}
