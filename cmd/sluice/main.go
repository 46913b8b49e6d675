// Command sluice is the controller: admission and reconciler in one process.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := command().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "sluice",
		Short:         "Progressive delivery for the Kubernetes Gateway API",
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := processOf(cmd.Flags())
			if err != nil {
				return err
			}
			return run(cmd.Context(), settings)
		},
	}
	addFlags(cmd.PersistentFlags())
	cmd.AddCommand(uninstallCommand())
	cmd.CompletionOptions.DisableDefaultCmd = true
	return cmd
}
