package plugin

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/internal/plugin/lint"
	"sluice.dev/sluice/internal/plugin/manifest"
)

func (p *plugin) lintCommand() *cobra.Command {
	var names []string
	var strict bool
	var output string
	cmd := &cobra.Command{
		Use:   "lint -f FILE",
		Short: "Check annotations and policies in files, without a cluster",
		Long: "Check the annotations of Deployments, policies and all other kinds of Sluice in files, by the rules of the admission\n" +
			"webhook and the controller. No cluster is needed. The exit code says what was found:\n\n" +
			"  0  no errors\n  1  errors; with --strict also warnings\n  2  wrong usage, or a file that does not exist",
		Example: "  kubectl sluice lint -f deploy/ -f policies/standard.yaml\n  helm template shop ./chart | kubectl sluice lint --strict -f -",
		RunE: func(*cobra.Command, []string) error {
			if output != "" && output != wide && output != "json" {
				return usageError{fmt.Errorf("--output %s: must be wide or json", output)}
			}
			files, err := readFiles(names, p.In)
			if err != nil {
				return usageError{err}
			}
			if isEmpty(files) {
				if _, err := fmt.Fprintln(p.ErrOut, "Nothing was checked: the files contain no objects"); err != nil {
					return err
				}
			}
			report := p.lint(files)
			if err := writeReport(p.Out, report, output); err != nil {
				return err
			}
			if report.Failed(strict) {
				return codedError{ExitFindings}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&names, "filename", "f", nil, "File or directory with manifests, or - for stdin; can be repeated")
	cmd.Flags().BoolVar(&strict, "strict", false, "Treat warnings as errors")
	cmd.Flags().StringVarP(&output, "output", "o", "", "Output format: wide adds the steps of each opted-in Deployment; json prints everything")
	return ofFiles(cmd)
}

// lint checks the objects of all files together.
func (p *plugin) lint(files []file) lint.Report {
	var objects []manifest.Object
	var broken []lint.Finding
	for _, each := range files {
		objects = append(objects, each.objects...)
		if each.mistake != nil {
			broken = append(broken, lint.Finding{File: each.name, Severity: lint.Error, Message: each.mistake.Error()})
		}
	}
	report := lint.Lint(objects, p.now())
	report.Findings = append(report.Findings, broken...)
	return report
}

// writeReport prints one line per finding.
func writeReport(out io.Writer, report lint.Report, output string) error {
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	var page page
	for _, finding := range report.Findings {
		page.printf("%s\n", finding)
	}
	if output == wide {
		for _, strategy := range report.Strategies {
			page.printf("%s\n", strategy)
		}
	}
	return page.writeTo(out)
}
