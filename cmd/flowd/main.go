// Command flowd runs stream pipelines written in YAML. This package is commands, flags, signals and wiring; what they
// do is in the packages below.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // the job failed
	exitWrong  = 2 // the pipeline, the configuration or the command line is wrong
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: a test calls it as a shell would.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	a.screen = newScreen(stderr)
	a.tty = isTerminal(stderr)
	a.color = a.tty && os.Getenv("NO_COLOR") == ""
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintln(stderr, "flowd: "+e.err.Error())
		}
		return e.code
	default: // cobra's own: unknown command or flag, wrong number of arguments
		fmt.Fprintf(stderr, "flowd: %v\n`flowd --help` lists commands, `flowd COMMAND --help` their flags.\n", err)
		return exitWrong
	}
}

// exitError ends the program with a code; a nil err has been reported already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func failed(err error) error { return &exitError{exitFailed, err} }
func wrong(err error) error  { return &exitError{exitWrong, err} }

// app is what all commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	screen         *screen // stderr, for what goes on while progress is drawn
	tty            bool    // stderr is a terminal
	color          bool

	json      bool
	logFormat string
	logLevel  string
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "flowd",
		Short: "Stream pipelines in YAML, from Kafka to Kafka, on one machine",
		Long: `flowd runs event-time stream pipelines written in YAML: Kafka, file or generated
sources, filters, windows, aggregates, and Kafka, file or stdout sinks.

Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 the job failed, 2 the pipeline, the configuration or the command line is wrong.`,
		Example: `  flowd dev examples/pipelines/hot_items/pipeline.yaml     try it: broker and input are made for you
  flowd validate pay.yaml                                   all mistakes of a file, with what to do
  flowd plan pay.yaml                                       what will run, with types and defaults
  KAFKA_BROKERS=host:9092 flowd run pay.yaml                run it in the foreground`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "write results (and progress) as JSON")
	f.StringVar(&a.logFormat, "log-format", "auto", "console, json, or auto: console on a terminal, else json")
	f.StringVar(&a.logLevel, "log-level", "info", "debug, info, warn or error")
	root.AddCommand(a.devCommand(), a.runCommand(), a.validateCommand(), a.planCommand(), a.exprCommand(),
		a.schemaCommand(), a.docsCommand(), a.versionCommand())
	return root
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
