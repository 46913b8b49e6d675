package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// CNIPlugins is the folder in which Debian's package installs them.
const CNIPlugins = "/usr/lib/cni"

// packages are the Debian packages that the node needs, each with a file that shows that it is installed.
var packages = map[string]string{
	"iproute2":                    "/usr/sbin/ip",
	"runc":                        "/usr/sbin/runc",
	"nftables":                    "/usr/sbin/nft",
	"conntrack":                   "/usr/sbin/conntrack",
	"containernetworking-plugins": CNIPlugins + "/bridge",
}

// MissingPackages returns the Debian packages that the node needs and that are not installed, sorted.
func MissingPackages() []string {
	var missing []string
	for name, file := range packages {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// InstallPackages installs Debian packages.
func InstallPackages(ctx context.Context, names []string) error {
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, names...)} {
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// Running reports whether the cluster's first process is alive and the API server answers.
func Running(ctx context.Context) bool {
	if !alive() {
		return false
	}
	client, err := adminClient()
	return err == nil && get(ctx, client, "https://127.0.0.1:6443/readyz") == nil
}

// Start starts the cluster's processes and waits for the API server. It writes the admin's kubeconfig to kubeconfigPath.
func Start(ctx context.Context, binaries, kubeconfigPath string) error {
	for _, dir := range []string{runDir, filepath.Join(stateDir, "log")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
	}
	if err := writePKI(filepath.Join(stateDir, "pki")); err != nil {
		return err
	}
	if err := writeConfigs(CNIPlugins); err != nil {
		return err
	}
	if err := makeCgroups(); err != nil {
		return err
	}
	if err := startDaemon(binaries); err != nil {
		return err
	}
	if err := waitForAPIServer(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(filepath.Join(stateDir, "log", "daemon.log")))
	}
	return WriteKubeconfig(kubeconfigPath)
}

// WriteKubeconfig writes the admin's kubeconfig.
func WriteKubeconfig(path string) error {
	content, err := kubeconfig("admin")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make %s: %w", filepath.Dir(path), err)
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

func startDaemon(binaries string) error {
	log, err := os.OpenFile(filepath.Join(stateDir, "log", "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = log.Close() }()
	daemon := exec.Command("/proc/self/exe", "daemon", "--binaries", binaries)
	daemon.Stdout, daemon.Stderr, daemon.Dir = log, log, "/"
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := daemon.Start(); err != nil {
		return fmt.Errorf("start the cluster: %w", err)
	}
	began, err := startTime(daemon.Process.Pid)
	if err != nil {
		return err
	}
	return os.WriteFile(pidFile(), fmt.Appendf(nil, "%d %s\n", daemon.Process.Pid, began), 0o644)
}

func pidFile() string { return filepath.Join(runDir, "daemon.pid") }

// startTime distinguishes two processes that had the same number one after the other.
func startTime(pid int) (string, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", fmt.Errorf("look at process %d: %w", pid, err)
	}
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	const state, started = 0, 19
	if len(fields) <= started || fields[state] == "Z" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return fields[started], nil
}

// daemonPid returns the number of the recorded process, or 0 if it has ended.
func daemonPid() int {
	content, err := os.ReadFile(pidFile())
	if err != nil {
		return 0
	}
	recorded := strings.Fields(string(content))
	if len(recorded) != 2 {
		return 0
	}
	pid, err := strconv.Atoi(recorded[0])
	if err != nil {
		return 0
	}
	if began, err := startTime(pid); err != nil || began != recorded[1] {
		return 0
	}
	return pid
}

func alive() bool { return daemonPid() != 0 }

const stopLimit = time.Minute

// Stop ends every process of the cluster and removes everything that it left. It also cleans up after a crash.
func Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if pid := daemonPid(); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop process %d: %w", pid, err)
		}
		if err := poll(ctx, "the end of the cluster's processes", func() error {
			if alive() {
				return fmt.Errorf("process %d is still there", pid)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if err := poll(ctx, "the removal of control groups", removeCgroups); err != nil {
		return err
	}
	for _, dir := range []string{stateDir, runDir} {
		if err := poll(ctx, "the removal of "+dir, func() error { return os.RemoveAll(dir) }); err != nil {
			return err
		}
	}
	return nil
}

// LoadImage imports an image archive.
func LoadImage(ctx context.Context, binaries, archive string) error {
	absolute, err := filepath.Abs(archive)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(binaries, "ctr"), "--address", containerdSocket, "--namespace", "k8s.io",
		"images", "import", "--local", absolute).CombinedOutput()
	if err != nil {
		return fmt.Errorf("load image %s: %w: %s", archive, err, out)
	}
	return nil
}

const shownLines = 15

func lastLines(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}
