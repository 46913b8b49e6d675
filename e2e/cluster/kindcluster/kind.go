// Package kindcluster runs a cluster in Docker with kind.
package kindcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// name of the kind cluster.
const name = "sluice"

// Config makes the gateway's and Prometheus' ports of the node those of this machine's loopback.
func Config() string {
	var b strings.Builder
	b.WriteString("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: " + name + "\nnodes:\n  - role: control-plane\n    extraPortMappings:\n")
	for _, port := range []int{8080, 9090} {
		fmt.Fprintf(&b, "      - {containerPort: %d, hostPort: %d, listenAddress: 127.0.0.1}\n", port, port)
	}
	return b.String()
}

// CreateArgs are the arguments that make the cluster from a config file and write the kubeconfig.
func CreateArgs(config, kubeconfig string) []string {
	return []string{"create", "cluster", "--config", config, "--kubeconfig", kubeconfig, "--wait", "120s"}
}

// DeleteArgs are the arguments that remove the cluster; they work when there is none.
func DeleteArgs() []string {
	return []string{"delete", "cluster", "--name", name}
}

// LoadArgs are the arguments that load an image archive.
func LoadArgs(archive string) []string {
	return []string{"load", "image-archive", archive, "--name", name}
}

// Run runs kind; what it prints goes to the standard error output.
func Run(ctx context.Context, binaries string, args []string) error {
	command := exec.CommandContext(ctx, filepath.Join(binaries, "kind"), args...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("kind %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// Running reports whether the cluster exists and answers.
func Running(ctx context.Context, binaries, kubeconfig string) bool {
	return exec.CommandContext(ctx, filepath.Join(binaries, "kubectl"), "--kubeconfig", kubeconfig, "get", "--raw", "/readyz").Run() == nil
}

// DockerAnswers reports whether there is a Docker daemon to run kind on.
func DockerAnswers(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// Architecture is that of the machine that the Docker daemon runs on, which has the nodes; empty when no daemon answers.
func Architecture(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Arch}}").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
