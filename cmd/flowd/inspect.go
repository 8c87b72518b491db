package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"flowd/pipeline"
)

func (a *app) validateCommand() *cobra.Command {
	var in input
	var format string
	cmd := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a pipeline without opening anything: every mistake at once, with what to do",
		Example: `  flowd validate pay.yaml
  flowd validate --format github pay.yaml       annotations for a pull request
  flowd validate -f prod.yaml pay.yaml          pay.yaml with prod.yaml merged over it`,
		Args: onePipeline,
		RunE: func(_ *cobra.Command, args []string) error {
			if a.json {
				format = "json"
			}
			if !slices.Contains(pipeline.Formats(), format) {
				return wrong(fmt.Errorf("--format %s: expected %s", format, strings.Join(pipeline.Formats(), ", ")))
			}
			names, err := in.files(args)
			if err != nil {
				return err
			}
			_, plan, err := a.parse(names, in.set, registry(), format)
			if err != nil {
				return err
			}
			if format == "text" {
				fmt.Fprintf(a.stdout, "%s: ok\n", plan.Name)
			}
			return nil
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text, json or github")
	return cmd
}

func (a *app) planCommand() *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what would run: graph, columns and types of every step, defaults filled in",
		Example: `  flowd plan pay.yaml
  flowd plan --json pay.yaml | jq '.nodes[].step'`,
		Args: onePipeline,
		RunE: func(_ *cobra.Command, args []string) error {
			names, err := in.files(args)
			if err != nil {
				return err
			}
			spec, plan, err := a.parse(names, in.set, registry(), "text")
			if err != nil {
				return err
			}
			if a.json {
				text, err := pipeline.PlanJSON(plan, spec)
				if err != nil {
					return failed(err)
				}
				_, err = fmt.Fprintln(a.stdout, string(text))
				return err
			}
			_, err = fmt.Fprint(a.stdout, pipeline.Explain(plan, spec))
			return err
		},
	}
	in.flags(cmd)
	return cmd
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipeline files, for completion and checks in an editor",
		Example: `  flowd schema > flowd.schema.json
  # first line of a pipeline, for editors with yaml-language-server:
  # yaml-language-server: $schema=./flowd.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(pipeline.Schema(registry()))
			return err
		},
	}
}

func (a *app) docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "docs [TOPIC | CODE]",
		Short: "Print the reference of the pipeline language, a part of it, or what an error code means",
		Example: `  flowd docs functions                          or operators, aggregates, types, columns, sources …
  flowd docs F031
  flowd docs > reference.md`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := a.stdout.Write(pipeline.Reference(registry()))
				return err
			}
			code := strings.ToUpper(args[0])
			var known []string
			for _, c := range pipeline.Codes() {
				if c.Code == code {
					_, err := fmt.Fprintf(a.stdout, "%s  %s\n\n%s\n", c.Code, c.Title, c.Advice)
					return err
				}
				known = append(known, c.Code)
			}
			text, topics := pipeline.Topic(registry(), args[0])
			if text != "" {
				_, err := fmt.Fprint(a.stdout, text)
				return err
			}
			return wrong(fmt.Errorf("there is no topic and no code %s\ntopics: %s\ncodes: %s", args[0], strings.Join(topics, ", "), strings.Join(known, " ")))
		},
	}
}

// onePipeline checks that a command was given one file, or none and -f.
func onePipeline(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return wrong(fmt.Errorf("%s takes one pipeline; to merge %s over it: flowd %s %s -f %s",
			cmd.Name(), strings.Join(args[1:], ", "), cmd.Name(), args[0], strings.Join(args[1:], " -f ")))
	case len(args) == 0 && !cmd.Flags().Changed("file"):
		return wrong(fmt.Errorf("which pipeline? Give a file: flowd %s pipeline.yaml", cmd.Name()))
	}
	return nil
}
