package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"flowd/operators"
	"flowd/operators/expr"
	"flowd/operators/format"
	"flowd/pipeline"
	"flowd/stream"
)

func (a *app) exprCommand() *cobra.Command {
	var schema, rows, batch string
	cmd := &cobra.Command{
		Use:   "expr [EXPR]",
		Short: "Try an expression: its type, and its value over rows of JSON",
		Long: `expr types an expression and evaluates it over each row of --in, or over no row at all.

With --batch FILE (- is stdin) it reads one expression a line and writes one JSON object a line:
{"expr","type","value","cast_string"}, or {"expr","error"}, over the first row.`,
		Example: `  flowd expr "ROUND(12.345, 2)"
  flowd expr --schema orders.yaml --in orders.jsonl "amount * 1.08 > 100"
  flowd expr --schema orders.yaml --in orders.jsonl --batch exprs.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("an expression is one argument, this has %d: put it in quotes", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == (batch != "") {
				return wrong(errors.New("give one expression, or --batch FILE with one a line"))
			}
			b, err := a.exprRows(schema, rows)
			if err != nil {
				return err
			}
			defer b.Release()
			if batch == "" {
				return a.exprOnce(args[0], b)
			}
			return a.exprBatch(batch, b)
		},
	}
	f := cmd.Flags()
	f.StringVar(&schema, "schema", "", "file with the schema of the rows: name: type, as in a pipeline")
	f.StringVar(&rows, "in", "", "file with rows, one JSON object a line (- is stdin); needs --schema")
	f.StringVar(&batch, "batch", "", "file with one expression a line (- is stdin)")
	return cmd
}

// exprRows reads the rows that expressions see; without a schema, one row without columns.
func (a *app) exprRows(schema, rows string) (*stream.Batch, error) {
	if schema == "" {
		if rows != "" {
			return nil, wrong(errors.New("--in needs --schema: the types of the rows"))
		}
		b := stream.NewHeader(stream.NewSchema())
		b.N = 1
		return b, nil
	}
	text := "name: expr\nsources:\n  rows:\n    file: {path: rows}\n    schema: " + quote(schema) + "\nsinks:\n  out:\n    discard: {}\n"
	spec, diags := pipeline.Parse([]pipeline.File{{Name: "expr", Text: []byte(text)}}, pipeline.Options{Env: os.LookupEnv, ReadFile: readSmall, Registry: registry()})
	if diags.Err() {
		if err := diags.Format(a.stderr, "text", a.color); err != nil {
			return nil, failed(err)
		}
		return nil, &exitError{code: exitWrong}
	}
	fields := spec.Sources[0].Fields
	leaves := stream.Flatten(fields)
	newDecoder, problems := format.JSON().NewDecoder(&operators.Config{}, fields, leaves)
	if len(problems) > 0 {
		return nil, wrong(errors.New(problems[0].Msg))
	}
	b := stream.NewPool(leaves, 1024, 1).TryGet()
	if rows == "" {
		for _, c := range b.Cols {
			c.AppendNull()
		}
		b.N = 1
		return b, nil
	}
	data, err := a.readAll(rows)
	if err != nil {
		return nil, wrong(err)
	}
	recs := operators.RawRecords{Buf: append(data, make([]byte, 8)...)[:len(data)]}
	start := 0
	for i, c := range append(data, '\n') {
		if c == '\n' {
			if len(strings.TrimSpace(string(data[start:i]))) > 0 {
				recs.Start, recs.End = append(recs.Start, uint32(start)), append(recs.End, uint32(i))
			}
			start = i + 1
		}
	}
	var bad stream.RowErrors
	newDecoder().Decode(b, &recs, nil, &bad)
	if bad.Len() > 0 {
		return nil, failed(fmt.Errorf("%s: record %d: %s", rows, bad.List[0].Row+1, bad.List[0].Msg))
	}
	if b.N == 0 {
		return nil, wrong(fmt.Errorf("%s has no row", rows))
	}
	return b, nil
}

func (a *app) readAll(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(a.stdin, 64<<20))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 64<<20))
}

// exprResult is what an expression gives over one row.
type exprResult struct {
	Expr       string  `json:"expr"`
	Type       string  `json:"type,omitempty"`
	Value      *string `json:"value"`
	CastString *string `json:"cast_string"`
	Error      string  `json:"error,omitempty"`
}

// evaluate binds src and computes it over the rows of b: one result a row.
func evaluate(src string, b *stream.Batch) ([]exprResult, []*expr.Error) {
	e, errs := expr.Parse(src)
	if len(errs) > 0 {
		return nil, errs
	}
	bound, errs := e.Bind(&expr.Scope{Schema: b.Schema})
	if len(errs) > 0 {
		return nil, errs
	}
	t := bound.Type()
	out := stream.NewColumn(t, b.N)
	var bad stream.RowErrors
	bound.Compile().Eval(b, out, &bad)
	results := make([]exprResult, b.N)
	for i := range results {
		r := &results[i]
		r.Expr, r.Type = src, t.String()
		if !out.IsNull(i) {
			value, text := string(expr.AppendResult(nil, t, out, i)), string(expr.AppendValue(nil, t, out, i))
			r.Value, r.CastString = &value, &text
		}
	}
	for _, e := range bad.List {
		results[e.Row] = exprResult{Expr: src, Type: t.String(), Error: e.Msg}
	}
	return results, nil
}

func (a *app) exprOnce(src string, b *stream.Batch) error {
	results, errs := evaluate(src, b)
	if len(errs) > 0 && a.json {
		for _, e := range errs {
			r := exprResult{Expr: src, Error: e.Code + " " + e.Msg}
			if err := json.NewEncoder(a.stdout).Encode(r.object()); err != nil {
				return err
			}
		}
		return &exitError{code: exitWrong}
	}
	if len(errs) > 0 {
		for _, e := range errs {
			fmt.Fprintf(a.stderr, "%s %s\n    %s\n    %s%s %s\n", e.Code, e.Msg, src, strings.Repeat(" ", e.Off), strings.Repeat("^", max(e.Len, 1)), e.Hint)
		}
		return &exitError{code: exitWrong}
	}
	bad := false
	for i, r := range results {
		if a.json {
			if err := json.NewEncoder(a.stdout).Encode(r.object()); err != nil {
				return err
			}
		} else {
			if i == 0 {
				fmt.Fprintf(a.stderr, "%s\n", r.Type)
			}
			switch {
			case r.Error != "":
				fmt.Fprintf(a.stderr, "row %d: %s\n", i+1, r.Error)
			case r.Value == nil:
				fmt.Fprintln(a.stdout, "NULL")
			default:
				fmt.Fprintln(a.stdout, *r.Value)
			}
		}
		bad = bad || r.Error != ""
	}
	if bad {
		return &exitError{code: exitFailed}
	}
	return nil
}

// object is r as it is written: an error has no value.
func (r *exprResult) object() any {
	if r.Error != "" {
		return struct {
			Expr  string `json:"expr"`
			Error string `json:"error"`
		}{r.Expr, r.Error}
	}
	return r
}

func (a *app) exprBatch(name string, b *stream.Batch) error {
	text, err := a.readAll(name)
	if err != nil {
		return wrong(err)
	}
	if b.N > 1 {
		b.Sel = append(b.SelBuf(), 0)
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for s := bufio.NewScanner(strings.NewReader(string(text))); s.Scan(); {
		src := s.Text()
		if strings.TrimSpace(src) == "" {
			continue
		}
		r := exprResult{Expr: src}
		results, errs := evaluate(src, b)
		if len(errs) > 0 {
			r.Error = errs[0].Code + " " + errs[0].Msg
		} else {
			r = results[0]
		}
		if err := enc.Encode(r.object()); err != nil {
			return err
		}
	}
	return nil
}
