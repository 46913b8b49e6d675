package local

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupsAreWeighedInTheFileThatTheSystemHas(t *testing.T) {
	for file, want := range map[string]string{"cpu.shares": "4096", "cpu.weight": "400"} {
		hierarchy := t.TempDir()
		dir := filepath.Join(hierarchy, groupNode)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := makeCgroup(hierarchy, groupNode); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Errorf("%s: files %v, %v", file, files, err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, file)); string(got) != want {
			t.Errorf("%s says %q, %v, not %q", file, got, err, want)
		}
	}
}

func TestGroupsInsideAreWeighedWhereTheSystemWantsToBeTold(t *testing.T) {
	for controllers, want := range map[string]string{"cpuset cpu io": "+cpu", "cpuset io": ""} {
		dir := t.TempDir()
		for file, content := range map[string]string{"cgroup.controllers": controllers, "cgroup.subtree_control": ""} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := weighInside(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); string(got) != want {
			t.Errorf("with %q it says %q, %v", controllers, got, err)
		}
	}
	if err := weighInside(t.TempDir()); err != nil {
		t.Errorf("version 1: %v", err)
	}
}

func TestEveryGroupHasAWeight(t *testing.T) {
	for _, group := range []string{cgroupRoot, groupNode, groupTests} {
		if weights[group] < 1 {
			t.Errorf("%s has weight %d", group, weights[group])
		}
	}
}
