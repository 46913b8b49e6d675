// Command cluster runs a real Kubernetes cluster with a gateway and Prometheus for the end-to-end tests and the demo.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/cluster/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{Use: "cluster", Short: "Run a real Kubernetes cluster for tests and the demo", SilenceUsage: true, SilenceErrors: true}
	var provider string
	root.PersistentFlags().StringVar(&provider, "provider", os.Getenv("CLUSTER"),
		"local (processes of this machine) or kind (Docker); default: kind if Docker answers (also: environment variable CLUSTER)")
	with := func(do func(context.Context, *cluster) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			c, err := newCluster(cmd.Context(), provider)
			if err != nil {
				return err
			}
			return do(cmd.Context(), c)
		}
	}
	root.AddCommand(
		&cobra.Command{Use: "up", Short: "Start the cluster, or use the running one", Args: cobra.NoArgs, RunE: with(up)},
		&cobra.Command{Use: "down", Short: "Stop the cluster and remove all traces of it", Args: cobra.NoArgs, RunE: with(down)},
		&cobra.Command{Use: "env", Short: "Print the shell line that makes kubectl use the cluster", Args: cobra.NoArgs, RunE: with(env)},
		&cobra.Command{Use: "install", Short: "Install the chart of this checkout", Args: cobra.NoArgs, RunE: with(install)},
		&cobra.Command{Use: "cert-manager", Short: "Install cert-manager, for certs.provider=cert-manager", Args: cobra.NoArgs, RunE: with(certManager)},
		&cobra.Command{Use: "keda-crds", Short: "Install the CRD of KEDA's ScaledObjects, without KEDA", Args: cobra.NoArgs, RunE: with(kedaCRDs)},
		loadCommand(&provider), runCommand(&provider), buildCommand(&provider), imageCommand(&provider), daemonCommand(), nodeCommand(),
	)
	return root
}

func loadCommand(provider *string) *cobra.Command {
	return &cobra.Command{Use: "load ARCHIVE...", Short: "Load image archives into the cluster", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, archives []string) error {
			c, err := newCluster(cmd.Context(), *provider)
			if err != nil {
				return err
			}
			for _, archive := range archives {
				if err := c.load(cmd.Context(), archive); err != nil {
					return err
				}
			}
			return nil
		}}
}

func runCommand(provider *string) *cobra.Command {
	cmd := &cobra.Command{Use: "run COMMAND...", Short: "Run a command with the CPU weight of the cluster", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, words []string) error {
			c, err := newCluster(cmd.Context(), *provider)
			if err != nil {
				return err
			}
			return c.run(words)
		}}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func buildCommand(provider *string) *cobra.Command {
	return &cobra.Command{Use: "build [NAME...]", Short: "Build the cluster's programs into the cache and print their folder",
		RunE: func(cmd *cobra.Command, names []string) error {
			if len(names) == 0 {
				names = binaries.Names()
			}
			dir, err := binaries.EnsureFor(cmd.Context(), nodeArchitecture(cmd.Context(), *provider), os.Stderr, names...)
			if err == nil {
				fmt.Println(dir)
			}
			return err
		}}
}

func imageCommand(provider *string) *cobra.Command {
	var reference, archive string
	cmd := &cobra.Command{Use: "image --ref REFERENCE --out ARCHIVE FOLDER", Short: "Build the Go program in a folder into an image archive for the nodes", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return buildImage(cmd.Context(), nodeArchitecture(cmd.Context(), *provider), reference, archive, args[0])
		}}
	cmd.Flags().StringVar(&reference, "ref", "", "reference of the image, e.g. sluice.dev/sluice:dev")
	cmd.Flags().StringVar(&archive, "out", "", "file to write")
	_ = cmd.MarkFlagRequired("ref")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func daemonCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "daemon", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return local.Daemon(cmd.Context(), dir)
	}}
	cmd.Flags().StringVar(&dir, "binaries", "", "folder of the programs")
	return cmd
}

func nodeCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{Use: "node", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return local.Node(cmd.Context(), dir)
	}}
	cmd.Flags().StringVar(&dir, "binaries", "", "folder of the programs")
	return cmd
}

func env(_ context.Context, c *cluster) error {
	fmt.Printf("export KUBECONFIG=%s PATH=%s:\"$PATH\"\n", c.kubeconfig, filepath.Join(c.root, ".cluster", "bin"))
	return nil
}
