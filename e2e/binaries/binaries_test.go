package binaries

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTheKeyChangesWithEverythingThatAProgramIsMadeFrom(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "e2e", "cluster", "tool")
	if err := os.MkdirAll(filepath.Join(dir, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(content string, file ...string) {
		if err := os.WriteFile(filepath.Join(append([]string{dir}, file...)...), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]string{}
	remember := func(what string, c component) {
		key, err := c.key(root)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[key]; taken {
			t.Errorf("%s has the key of %s", what, other)
		}
		seen[key] = what
	}
	base := component{name: "tool", module: "tool", pkg: "example.com/tool"}
	write("module a", "go.mod")
	remember("the base", base)
	tagged, flagged := base, base
	tagged.tags, flagged.ldflags = "x", "-X a=b"
	remember("another tag", tagged)
	remember("another flag", flagged)
	write("module b", "go.mod")
	remember("another version", base)
	write("package below", "below", "below.go")
	remember("a file in a folder below", base)
	contained := base
	contained.contained, contained.node = true, "riscv64"
	remember("another architecture of the node", contained)
}

func TestALocalClusterIsMadeWithoutTheProgramsOfTests(t *testing.T) {
	local := LocalNames()
	for _, name := range []string{"kind", "cert-manager", "flux-driver", "argocd-driver"} {
		if slices.Contains(local, name) || !slices.Contains(Names(), name) {
			t.Errorf("%s is in %v", name, local)
		}
	}
	if !slices.Contains(local, "kubelet") || !slices.Contains(local, "helm") {
		t.Errorf("a local cluster is made of %v", local)
	}
}

func TestAnUnknownProgramIsRefusedWithThoseThereAre(t *testing.T) {
	if _, err := find("minikube"); err == nil || !strings.Contains(err.Error(), "kube-apiserver") {
		t.Errorf("got %v", err)
	}
}

func TestWhatRunsInContainersIsBuiltForLinuxAndTheNode(t *testing.T) {
	for name, want := range map[string]string{
		"traefik": "linux/riscv64", "cert-manager": "linux/riscv64", "kubectl": runtime.GOOS + "/" + runtime.GOARCH,
	} {
		c, err := find(name)
		if err != nil {
			t.Fatal(err)
		}
		c.node = "riscv64"
		if got := c.platform(); got != want {
			t.Errorf("%s is built for %s", name, got)
		}
	}
}
