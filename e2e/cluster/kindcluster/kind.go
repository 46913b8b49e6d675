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

// Config maps the ports of the gateway and of Prometheus to this machine's loopback address.
func Config() string {
	var b strings.Builder
	b.WriteString("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: " + name + "\nnodes:\n  - role: control-plane\n    extraPortMappings:\n")
	for _, port := range []int{8080, 9090} {
		fmt.Fprintf(&b, "      - {containerPort: %d, hostPort: %d, listenAddress: 127.0.0.1}\n", port, port)
	}
	return b.String()
}

// CreateArgs returns the arguments that create the cluster from a config file and write the kubeconfig.
func CreateArgs(config, kubeconfig string) []string {
	return []string{"create", "cluster", "--config", config, "--kubeconfig", kubeconfig, "--wait", "120s"}
}

// DeleteArgs returns the arguments that delete the cluster. They also work if there is none.
func DeleteArgs() []string {
	return []string{"delete", "cluster", "--name", name}
}

// LoadArgs returns the arguments that load an image archive.
func LoadArgs(archive string) []string {
	return []string{"load", "image-archive", archive, "--name", name}
}

// Run runs kind. Its output goes to stderr.
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

// DockerAnswers reports whether a Docker daemon can run kind.
func DockerAnswers(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// Architecture returns the architecture of the machine of the Docker daemon, which has the nodes. Empty if no daemon answers.
func Architecture(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Arch}}").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
