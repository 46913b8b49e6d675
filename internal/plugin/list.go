package plugin

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

const wide = "wide"

// outputFlags adds kubectl's output formats json, yaml, name, jsonpath and templates, and wide for tables.
func outputFlags(cmd *cobra.Command) *genericclioptions.PrintFlags {
	scheme := runtime.NewScheme()
	// Without our types, the output would only lack kind and apiVersion.
	_ = v1alpha1.AddToScheme(scheme)
	flags := genericclioptions.NewPrintFlags("").WithTypeSetter(scheme)
	flags.AddFlags(cmd)
	cmd.Flag("output").Usage = "Output format: wide, json, yaml, name, jsonpath=…, go-template=…"
	return flags
}

// printed prints an object in the requested format. It returns false if that is a format for people.
func printed(flags *genericclioptions.PrintFlags, object runtime.Object, out io.Writer) (bool, error) {
	if *flags.OutputFormat == "" || *flags.OutputFormat == wide {
		return false, nil
	}
	printer, err := flags.ToPrinter()
	if err != nil {
		return true, err
	}
	return true, printer.PrintObj(object, out)
}

func (p *plugin) listCommand() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use:               "list",
		Example:           "  kubectl sluice list -A -o wide",
		Short:             "List the rollouts of a namespace, or of all",
		Args:              noArguments("to show one Canary: kubectl sluice get NAME; to choose the namespace: -n NAMESPACE, or -A for all"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := outputFlags(cmd)
	cmd.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "List the Canaries of all namespaces")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.session()
		if err != nil {
			return err
		}
		namespace := s.namespace
		if everywhere {
			namespace = ""
		}
		var list v1alpha1.CanaryList
		if err := s.client.List(cmd.Context(), &list, client.InNamespace(namespace)); err != nil {
			return fmt.Errorf("list Canaries: %w", err)
		}
		if done, err := printed(flags, &list, s.Out); done {
			return err
		}
		if len(list.Items) == 0 {
			_, err = fmt.Fprintf(s.ErrOut, "No Canaries found; to opt a Deployment in: kubectl annotate deployment NAME sluice.dev/canary=true\n")
			return err
		}
		return writeList(s.Out, list.Items, everywhere, *flags.OutputFormat == wide, s.now())
	}
	return cmd
}

// writeList prints the table of Canaries.
func writeList(out io.Writer, canaries []v1alpha1.Canary, namespaces, all bool, now time.Time) error {
	head := []string{"NAME", "STATUS", "STEP", "WEIGHT", "FAILED", "SINCE"}
	if namespaces {
		head = append([]string{"NAMESPACE"}, head...)
	}
	if all {
		head = append(head, "CANDIDATE", "REQUESTED BY", "MESSAGE")
	}
	rows := [][]string{head}
	for i := range canaries {
		c, status := &canaries[i], canaries[i].Status
		row := []string{c.Name, subject{canary: c}.phase(), stepOf(status), fmt.Sprintf("%v%%", status.CanaryWeight),
			failedOf(status), ago(now, status.LastTransitionTime.Time)}
		if namespaces {
			row = append([]string{c.Namespace}, row...)
		}
		if all {
			row = append(row, orNone(workload.Short(status.Candidate.Hash)), orNone(requesterOf(status)), status.Message)
		}
		rows = append(rows, row)
	}
	var page page
	page.table(rows)
	for _, sentence := range freezesOf(canaries) {
		page.printf("\n%s\n", oneLine([]string{sentence})[0])
	}
	return page.writeTo(out)
}

func stepOf(status v1alpha1.CanaryStatus) string {
	if len(status.Plan.Steps) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", status.Open().Step.Number, len(status.Plan.Steps))
}

func failedOf(status v1alpha1.CanaryStatus) string {
	if status.Plan.FailureThreshold == 0 {
		return fmt.Sprint(status.FailedChecks)
	}
	return fmt.Sprintf("%d/%d", status.FailedChecks, status.Plan.FailureThreshold)
}

func requesterOf(status v1alpha1.CanaryStatus) string {
	if status.Candidate.Requested == nil {
		return ""
	}
	return status.Candidate.Requested.By
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// ago is the time since then, as kubectl writes it.
func ago(now, then time.Time) string {
	if then.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(then))
}
