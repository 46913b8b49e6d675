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

// These control groups are below the cluster's own. The kubelet creates another one, for the pods.
const (
	// groupNode has the control plane, the node's programs and the forwarders to them.
	groupNode = cgroupRoot + "/node"
	// groupTests has the users of the cluster.
	groupTests = cgroupRoot + "/tests"
)

// weights are how much CPU a group gets on a busy machine, in units of a process outside all groups. Without a weight, the
// whole cluster gets as much as one process, or as one terminal if Linux groups processes automatically, so that other work
// starves it. Below the cluster's group, the kubelet gives the pods one unit for each core.
var weights = map[string]int{cgroupRoot: 10, groupNode: 4, groupTests: 2}

// cpuFiles are the files with the weight of a group, by the version of control groups, and the number for a weight of 1.
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

// makeCgroups creates the cluster's group, in which the kubelet creates others.
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

// weighInside lets the groups inside a group have weights, which version 2 of control groups requires.
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

// JoinTests moves this process and its children into the group for users of the cluster.
func JoinTests() error { return join(groupTests) }

// join moves this process and its children into a group of the cluster, where CPUs are weighed.
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

// freeTests moves the users of the cluster out of its group, because they may outlive the cluster.
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

// removeCgroups removes the groups, innermost first. It fails while processes are still ending in them.
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
