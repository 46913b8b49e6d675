package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The control groups below the cluster's own: the kubelet makes one more, for the pods.
const (
	// groupNode has the control plane, the node's programs and what forwards to them.
	groupNode = cgroupRoot + "/node"
	// groupTests has what uses the cluster.
	groupTests = cgroupRoot + "/tests"
)

// weights are how much CPU a group gets of a machine that has too little, in units of a process outside of all groups. Without
// one, all of the cluster gets as much as one process, or as one terminal where Linux groups processes by themselves, and
// anything else that the machine does starves it. Below the cluster's group, the kubelet gives the pods one for each core.
var weights = map[string]int{cgroupRoot: 10, groupNode: 4, groupTests: 2}

// cpuFiles say the weight of a group, by the version of control groups, and the number that stands for 1.
var cpuFiles = map[string]int{"cpu.shares": 1024, "cpu.weight": 100}

func cgroupHierarchies() []string {
	dirs, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return []string{"/sys/fs/cgroup"}
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

// makeCgroups makes the cluster's group, in which the kubelet makes others.
func makeCgroups() error {
	for _, dir := range cgroupHierarchies() {
		if err := makeCgroup(dir, cgroupRoot); err != nil {
			return err
		}
		if err := weighInside(filepath.Join(dir, cgroupRoot)); err != nil {
			return err
		}
	}
	return nil
}

// weighInside lets the groups inside of a group have weights, which version 2 of control groups wants to be told.
func weighInside(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil || !slices.Contains(strings.Fields(string(available)), "cpu") {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu"), 0o644); err != nil {
		return fmt.Errorf("weigh control groups: %w", err)
	}
	return nil
}

func makeCgroup(hierarchy, group string) error {
	dir := filepath.Join(hierarchy, group)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make control group: %w", err)
	}
	for file, one := range cpuFiles {
		path := filepath.Join(dir, file)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := os.WriteFile(path, []byte(strconv.Itoa(one*weights[group])), 0o644); err != nil {
			return fmt.Errorf("weigh control group: %w", err)
		}
	}
	return nil
}

// JoinTests puts this process, and those that it starts, into the group of what uses the cluster.
func JoinTests() error { return join(groupTests) }

// join puts this process, and those that it starts, into a group of the cluster, where CPUs are weighed.
func join(group string) error {
	for _, dir := range cgroupHierarchies() {
		for file := range cpuFiles {
			if _, err := os.Stat(filepath.Join(dir, cgroupRoot, file)); err != nil {
				continue
			}
			if err := makeCgroup(dir, group); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, group, "cgroup.procs"), []byte("0"), 0o644); err != nil {
				return fmt.Errorf("join control group: %w", err)
			}
		}
	}
	return nil
}

// freeTests takes what uses the cluster out of its group: it may outlive the cluster.
func freeTests(hierarchy string) error {
	pids, err := os.ReadFile(filepath.Join(hierarchy, groupTests, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the processes that use the cluster: %w", err)
	}
	for pid := range strings.FieldsSeq(string(pids)) {
		err := os.WriteFile(filepath.Join(hierarchy, "cgroup.procs"), []byte(pid), 0o644)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("take process %s out of its control group: %w", pid, err)
		}
	}
	return nil
}

// removeCgroups removes the groups from the innermost out; it fails while processes are still ending in them.
func removeCgroups() error {
	for _, hierarchy := range cgroupHierarchies() {
		if err := freeTests(hierarchy); err != nil {
			return err
		}
		var groups []string
		err := filepath.WalkDir(filepath.Join(hierarchy, cgroupRoot), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, group := range slices.Backward(groups) {
			if err := syscall.Rmdir(group); err != nil && !errors.Is(err, syscall.ENOENT) {
				return fmt.Errorf("remove %s: %w", group, err)
			}
		}
	}
	return nil
}
