package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"sluice.dev/sluice/e2e/binaries"
	"sluice.dev/sluice/e2e/binaries/progress"
	"sluice.dev/sluice/e2e/cluster/kindcluster"
	"sluice.dev/sluice/e2e/cluster/local"
	"sluice.dev/sluice/e2e/cluster/manifests"
)

const (
	providerLocal = "local"
	providerKind  = "kind"
)

// startLimit is how long a part of the cluster may take to start, even on a busy machine.
const startLimit = 5 * time.Minute

// cluster is the one cluster of this machine.
type cluster struct {
	provider   string
	root       string
	kubeconfig string
	// architecture is that of the nodes.
	architecture string
	began        time.Time
}

func newCluster(ctx context.Context, provider string) (*cluster, error) {
	provider, err := chooseProvider(provider, func() bool { return kindcluster.DockerAnswers(ctx) }, runtime.GOOS, os.Geteuid())
	if err != nil {
		return nil, err
	}
	root, err := binaries.Root(ctx)
	if err != nil {
		return nil, err
	}
	return &cluster{provider: provider, root: root, kubeconfig: filepath.Join(root, ".cluster", "kubeconfig"),
		architecture: nodeArchitecture(ctx, provider), began: time.Now()}, nil
}

// chooseProvider chooses kind if Docker answers, and processes of this machine otherwise, unless one is requested.
func chooseProvider(asked string, dockerAnswers func() bool, system string, user int) (string, error) {
	switch {
	case asked != "" && asked != providerLocal && asked != providerKind:
		return "", fmt.Errorf("provider %q: must be %s or %s", asked, providerLocal, providerKind)
	case system == "windows":
		return "", errors.New("the cluster runs on Linux and macOS only: on Windows, run this in WSL")
	case asked == providerKind, asked == "" && dockerAnswers():
		return providerKind, nil
	case system != "linux" || user != 0:
		return "", errors.New("no Docker daemon answers, and without Docker the cluster needs Linux and root: start Docker, or run this as root on Linux")
	}
	return providerLocal, nil
}

func (c *cluster) say(what string) {
	fmt.Fprintf(os.Stderr, "[%3.0fs] %s\n", time.Since(c.began).Seconds(), what)
}

// step says what is done next, and repeats it while that takes long.
func (c *cluster) step(what string, do func() error) error {
	c.say(what)
	return progress.While(c.say, func() string { return what }, do)
}

// programs returns those that a provider needs on this machine.
func (c *cluster) programs(ctx context.Context) (string, error) {
	names := binaries.LocalNames()
	if c.provider == providerKind {
		names = []string{"kubectl", "kind", "prometheus", "traefik"}
	}
	return binaries.EnsureFor(ctx, c.architecture, os.Stderr, names...)
}

// addons are the images that run in the cluster, by program.
func (c *cluster) addons() []string {
	if c.provider == providerKind {
		return []string{"traefik", "prometheus"}
	}
	return []string{"pause", "coredns", "traefik", "prometheus"}
}

func up(ctx context.Context, c *cluster) error {
	dir, err := c.programs(ctx)
	if err != nil {
		return err
	}
	if err := c.linkKubectl(dir); err != nil {
		return err
	}
	if c.running(ctx, dir) {
		if c.provider == providerLocal {
			if err := local.WriteKubeconfig(c.kubeconfig); err != nil {
				return err
			}
		}
		c.say("the cluster is already running")
	} else {
		if err := c.create(ctx, dir); err != nil {
			return err
		}
	}
	if err := c.addOns(ctx, dir); err != nil {
		return err
	}
	c.say("the cluster is ready")
	fmt.Printf("\nGateway     http://127.0.0.1:8080 (Gateway gateway-system/gateway)\nPrometheus  http://127.0.0.1:9090\nkubectl     eval \"$(make -s cluster-env)\"\n")
	return nil
}

func (c *cluster) running(ctx context.Context, dir string) bool {
	if c.provider == providerKind {
		return kindcluster.Running(ctx, dir, c.kubeconfig)
	}
	return local.Running(ctx)
}

func (c *cluster) create(ctx context.Context, dir string) error {
	if err := c.step("removing what is left of an earlier cluster", func() error { return c.remove(ctx, dir) }); err != nil {
		return err
	}
	if c.provider == providerKind {
		config := filepath.Join(c.root, ".cluster", "kind.yaml")
		if err := os.WriteFile(config, []byte(kindcluster.Config()), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", config, err)
		}
		return c.step("starting the control plane and a node (kind)", func() error {
			return kindcluster.Run(ctx, dir, kindcluster.CreateArgs(config, c.kubeconfig))
		})
	}
	if missing := local.MissingPackages(); len(missing) > 0 {
		what := "installing Debian packages " + strings.Join(missing, " ")
		if err := c.step(what, func() error { return local.InstallPackages(ctx, missing) }); err != nil {
			return err
		}
	}
	return c.step("starting the control plane and a node, and waiting for the API server (local)", func() error { return local.Start(ctx, dir, c.kubeconfig) })
}

func (c *cluster) remove(ctx context.Context, dir string) error {
	if c.provider == providerKind {
		return kindcluster.Run(ctx, dir, kindcluster.DeleteArgs())
	}
	return local.Stop(ctx)
}

func down(ctx context.Context, c *cluster) error {
	if c.provider == providerLocal {
		return local.Stop(ctx)
	}
	dir, err := c.programs(ctx)
	if err != nil {
		return err
	}
	return c.remove(ctx, dir)
}

// addOns loads the images, applies what every test cluster runs, and waits until it works.
func (c *cluster) addOns(ctx context.Context, dir string) error {
	for _, name := range c.addons() {
		if err := c.loadAddon(ctx, dir, name); err != nil {
			return err
		}
	}
	if err := c.step("applying gateway and Prometheus", func() error { return c.applyAddOns(ctx) }); err != nil {
		return err
	}
	for _, wait := range []struct {
		name string
		args []string
	}{
		{"the node", []string{"nodes", "--all", "--for=condition=Ready"}},
		{"DNS", []string{"deployments", "--all", "-n", "kube-system", "--for=condition=Available"}},
		{"Prometheus", []string{"deployment/prometheus", "-n", "monitoring", "--for=condition=Available"}},
		{"the Gateway", []string{"gateway/gateway", "-n", "gateway-system", "--for=condition=Programmed"}},
		{"its pods", []string{"deployment/traefik", "-n", "gateway-system", "--for=condition=Available"}},
	} {
		if err := c.step("waiting for "+wait.name, func() error {
			return c.kubectl(ctx, "", append([]string{"wait", "--timeout=" + startLimit.String()}, wait.args...)...)
		}); err != nil {
			return fmt.Errorf("%w\nsee /var/lib/sluice-cluster/log, or: kubectl get pods -A", err)
		}
	}
	return nil
}

func (c *cluster) applyAddOns(ctx context.Context) error {
	crds, err := binaries.GatewayCRDs(ctx)
	if err != nil {
		return err
	}
	if err := c.kubectl(ctx, "", "apply", "--server-side", "--force-conflicts", "-f", crds); err != nil {
		return err
	}
	parts := []string{manifests.Gateway, manifests.Prometheus}
	if c.provider == providerLocal {
		parts = append(parts, manifests.DNS)
	}
	return c.kubectl(ctx, strings.Join(parts, "\n---\n"), "apply", "--server-side", "--force-conflicts", "-f", "-")
}

func (c *cluster) linkKubectl(dir string) error {
	bin := filepath.Join(c.root, ".cluster", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", bin, err)
	}
	path := filepath.Join(bin, "kubectl")
	_ = os.Remove(path)
	return os.Symlink(filepath.Join(dir, "kubectl"), path)
}

func (c *cluster) kubectl(ctx context.Context, input string, args ...string) error {
	command := exec.CommandContext(ctx, filepath.Join(c.root, ".cluster", "bin", "kubectl"), append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// run becomes a command that runs beside the cluster, so that its signals and exit code pass through.
func (c *cluster) run(words []string) error {
	if c.provider == providerLocal {
		if err := local.JoinTests(); err != nil {
			return err
		}
	}
	program, err := exec.LookPath(words[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, words, os.Environ())
}
