// Package plugin tests kubectl sluice against a real API server, and runs the commands of the documentation.
package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/e2e/testserver"
)

var (
	server *testserver.Server
	// programs is a directory with kubectl and the plugin.
	programs string
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m, &server, build)) }

// build builds the plugin beside kubectl.
func build(ctx context.Context) error {
	programs = filepath.Join(server.Dir(), "plugin")
	command := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(programs, "kubectl-sluice"), "./cmd/kubectl-sluice")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build the plugin: %w: %s", err, out)
	}
	return os.Symlink(server.Program("kubectl"), filepath.Join(programs, "kubectl"))
}

// shell runs a command of the documentation in a directory, with its own kubeconfig there.
func shell(t testing.TB, dir, command string) (string, error) {
	t.Helper()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if _, err := os.Stat(kubeconfig); err != nil {
		content, err := os.ReadFile(server.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(kubeconfig, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "HOME="+dir, "KUBECONFIG="+kubeconfig)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
