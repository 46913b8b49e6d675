// Package binaries builds the programs of a cluster from Go modules and keeps them in a cache outside the checkout.
package binaries

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

const (
	kubernetesVersion = "v1.36.3"
	containerdVersion = "v2.4.2"
)

// component is one program: its module folder below e2e/cluster, its package and its flags.
type component struct {
	name    string
	module  string
	pkg     string
	tags    string
	ldflags string
	// apart means that a local cluster runs without it.
	apart bool
	// contained means that it runs in a container of the cluster, and so on Linux.
	contained bool
	// node is the architecture of the cluster's nodes.
	node string
}

// components are all programs of a cluster and of tests, in build order. Those that tests of admission need come first.
var components = []component{
	{name: "etcd", module: "etcd", pkg: "go.etcd.io/etcd/server/v3"},
	kubernetes("kube-apiserver"),
	kubernetes("kubectl"),
	{name: "pause", pkg: "./pause", contained: true},
	containerd("containerd"),
	containerd("containerd-shim-runc-v2"),
	containerd("ctr"),
	kubernetes("kubelet"),
	kubernetes("kube-controller-manager"),
	kubernetes("kube-scheduler"),
	kubernetes("kube-proxy"),
	{name: "coredns", module: "coredns", pkg: ".", contained: true},
	{name: "prometheus", module: "prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus", tags: "remove_all_sd,enable_kubernetes_sd", contained: true},
	{name: "victoria-metrics", module: "victoriametrics", pkg: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", apart: true},
	{name: "traefik", module: "traefik", pkg: "github.com/traefik/traefik/v3/cmd/traefik", contained: true},
	{name: "helm", module: "helm", pkg: "helm.sh/helm/v4/cmd/helm"},
	{name: "kind", module: "kind", pkg: "sigs.k8s.io/kind", apart: true},
	{name: "cert-manager", module: "certmanager", pkg: ".", apart: true, contained: true},
	{name: "flux-driver", module: "flux", pkg: ".", apart: true},
	{name: "argocd-driver", module: "argocd", pkg: ".", apart: true},
}

func kubernetes(name string) component {
	const version = "k8s.io/component-base/version"
	return component{name: name, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name,
		ldflags: fmt.Sprintf("-X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=36", version, kubernetesVersion, version, version)}
}

func containerd(name string) component {
	return component{name: name, module: "containerd", pkg: "github.com/containerd/containerd/v2/cmd/" + name,
		ldflags: "-X github.com/containerd/containerd/v2/version.Version=" + containerdVersion}
}

// Names returns the names of all programs, in build order.
func Names() []string {
	names := make([]string, 0, len(components))
	for _, c := range components {
		names = append(names, c.name)
	}
	return names
}

// LocalNames returns the names of the programs of a local cluster, in build order.
func LocalNames() []string {
	var names []string
	for _, c := range components {
		if !c.apart {
			names = append(names, c.name)
		}
	}
	return names
}

func find(name string) (component, error) {
	i := slices.IndexFunc(components, func(c component) bool { return c.name == name })
	if i < 0 {
		return component{}, fmt.Errorf("no program %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return components[i], nil
}

// platform returns what a component is built for, such as linux/amd64.
func (c component) platform() string {
	if c.contained {
		return "linux/" + c.node
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// arguments returns the arguments of go build for a component, without the output.
func (c component) arguments() []string {
	return []string{"build", "-trimpath", "-buildvcs=false", "-tags=" + c.tags, "-ldflags=-s -w " + c.ldflags}
}
