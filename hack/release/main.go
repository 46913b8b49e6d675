// Command release makes everything that a version of Sluice consists of: programs, images, the chart, a bill of materials and
// checksums. The same checkout gives the same bytes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// release is a version and the folder that it is written to.
type release struct {
	version *semver.Version
	// date is the modification time of all files, so that the bytes are always the same.
	date time.Time
	out  string
	helm string
}

func command() *cobra.Command {
	var version, out, helm string
	var epoch int64
	cmd := &cobra.Command{Use: "release", Short: "Build all files of a release", Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			parsed, err := semver.NewVersion(version)
			if err != nil {
				return fmt.Errorf("--version %q: must be a semantic version such as v0.1.0: %w", version, err)
			}
			return (&release{version: parsed, date: time.Unix(epoch, 0).UTC(), out: out, helm: helm}).make(cmd.Context())
		}}
	cmd.Flags().StringVar(&version, "version", "", "semantic version")
	cmd.Flags().StringVar(&out, "out", "dist/release", "folder to write to; its content is deleted first")
	cmd.Flags().StringVar(&helm, "helm", "helm", "helm program")
	cmd.Flags().Int64Var(&epoch, "date", 0, "modification time of all files, in seconds since 1970")
	_ = cmd.MarkFlagRequired("version")
	return cmd
}

func (r *release) make(ctx context.Context) error {
	if err := os.RemoveAll(r.out); err != nil {
		return fmt.Errorf("empty the folder of the release: %w", err)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return fmt.Errorf("make the folder of the release: %w", err)
	}
	for _, step := range []func(context.Context) error{r.programs, r.images, r.chart, r.billOfMaterials, r.checksums} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// name returns the path of a file of the release.
func (r *release) name(format string, parts ...any) string {
	return filepath.Join(r.out, fmt.Sprintf(format, parts...))
}
