package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"flowd/operators"
	"flowd/operators/builtin"
	"flowd/pipeline"
)

// input is the pipeline that a command was given: one file, more that are merged into it, single values.
type input struct {
	more []string
	set  []string
}

func (in *input) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&in.more, "file", "f", nil, "a further file to merge over the first; may be repeated")
	cmd.Flags().StringArrayVar(&in.set, "set", nil, "override one value, as in --set parallelism=4; may be repeated")
}

// files are the names a command was given: its argument and every -f.
func (in *input) files(args []string) ([]string, error) {
	names := append(append([]string(nil), args...), in.more...)
	if len(names) == 0 {
		return nil, wrong(errors.New("which pipeline? Give a file: flowd run pipeline.yaml"))
	}
	return names, nil
}

// maxPipeline bounds a pipeline file; the parser refuses what is longer.
const maxPipeline = 1 << 20

// parse reads and parses the files. What is wrong has been printed when the error is not nil.
func (a *app) parse(names []string, set []string, reg *operators.Registry, format string) (*pipeline.Spec, *pipeline.Plan, error) {
	var files []pipeline.File
	for _, name := range names {
		text, err := readPipeline(name, a.stdin)
		if err != nil {
			return nil, nil, wrong(err)
		}
		if name == "-" {
			name = "stdin"
		}
		files = append(files, pipeline.File{Name: name, Text: text})
	}
	spec, plan, diags := pipeline.Load(files, pipeline.Options{Env: os.LookupEnv, ReadFile: readSmall, Registry: reg, Set: set})
	out := io.Writer(a.screen)
	if a.json && diags.Err() {
		format = "json" // of every command: what is wrong is its result
	}
	if format != "text" {
		out = a.stdout
	}
	if len(diags) > 0 || format == "json" {
		if err := diags.Format(out, format, a.color && format == "text"); err != nil {
			return nil, nil, failed(err)
		}
	}
	if diags.Err() {
		return nil, nil, &exitError{code: exitWrong}
	}
	return spec, plan, nil
}

func readPipeline(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, maxPipeline+1))
	}
	text, err := readSmall(name)
	if errors.Is(err, os.ErrNotExist) {
		if near, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*.yaml")); len(near) > 0 {
			return nil, fmt.Errorf("%s does not exist; this folder has %s", name, filepath.Base(near[0]))
		}
	}
	return text, err
}

// readSmall reads a file that belongs to a pipeline: the file itself, a schema, a secret.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxPipeline+1))
}

func registry() *operators.Registry { return builtin.Registry() }
