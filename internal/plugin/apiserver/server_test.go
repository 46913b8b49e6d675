package apiserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sluice.dev/sluice/e2e/apiserver"
)

var (
	server *apiserver.Server
	// programs is a directory with kubectl and the plugin.
	programs string
)

func TestMain(m *testing.M) {
	os.Exit(apiserver.Serve(&server, func() int {
		var err error
		if programs, err = build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(programs) }()
		return m.Run()
	}))
}

// build builds the plugin beside kubectl.
func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "kubectl-sluice-"); err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "kubectl-sluice"), "../../../cmd/kubectl-sluice").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin: %w: %s", err, out)
	}
	return dir, os.Symlink(server.Program("kubectl"), filepath.Join(dir, "kubectl"))
}

// shell runs a command of the documentation in a directory, with a kubeconfig of its own there.
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
