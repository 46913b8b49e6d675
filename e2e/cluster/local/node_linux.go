package local

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Node is the first process in the cluster's namespaces. It starts all others and restarts those that end. When it ends, they
// all end. binaries is the folder of the programs.
func Node(ctx context.Context, binaries string) error {
	for _, step := range []func() error{privateMounts, network} {
		if err := step(); err != nil {
			return err
		}
	}
	running := map[int]program{}
	if err := startAll(binaries, stores(), running); err != nil {
		return err
	}
	if err := waitForAPIServer(ctx); err != nil {
		return err
	}
	if err := startAll(binaries, agents(), running); err != nil {
		return err
	}
	return supervise(binaries, running)
}

// privateMounts hides the mounts made here from the rest of the machine, and shows the processes of this namespace.
func privateMounts() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts with containers: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return hideTraces()
}

// traces are folders that the node's programs write to, wherever they run.
var traces = []string{"/var/log", "/var/lib/cni", "/run/netns"}

// hideTraces replaces the machine's own folders with folders that are removed with the cluster.
func hideTraces() error {
	for _, dir := range traces {
		own := filepath.Join(stateDir, "machine", dir)
		for _, make := range []string{own, dir} {
			if err := os.MkdirAll(make, 0o755); err != nil {
				return fmt.Errorf("make %s: %w", make, err)
			}
		}
		if err := syscall.Mount(own, dir, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", own, dir, err)
		}
	}
	return nil
}

// network gives the node its own address and a default route. Without them, addresses of Services lead nowhere.
func network() error {
	for _, line := range []string{
		"ip link set lo up",
		"ip link add node0 type veth peer name node1",
		"ip address add " + nodeAddress + "/24 dev node0",
		"ip link set node1 up",
		"ip link set node0 up",
		"ip route add default dev node0",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

func startAll(binaries string, programs []program, running map[int]program) error {
	for _, p := range programs {
		if err := start(binaries, p, running); err != nil {
			return err
		}
	}
	return nil
}

func start(binaries string, p program, running map[int]program) error {
	log, err := os.OpenFile(filepath.Join(stateDir, "log", p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log of %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }()
	path := filepath.Join(binaries, p.name)
	process, err := os.StartProcess(path, append([]string{path}, p.args...), &os.ProcAttr{
		Dir:   "/",
		Env:   append(os.Environ(), "PATH="+binaries+":/usr/sbin:/usr/bin:/sbin:/bin"),
		Files: []*os.File{nil, log, log},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	running[process.Pid] = p
	return nil
}

const (
	// mostStarts lets tests kill programs, and ends a cluster in which a program does not stay up.
	mostStarts = 20
	startPause = time.Second
)

// supervise waits for children, including the orphans of containers, and restarts the node's programs when they end: the
// controllers end if the API server was unavailable.
func supervise(binaries string, running map[int]program) error {
	starts := map[string]int{}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait for processes: %w", err)
		}
		p, ours := running[pid]
		if !ours {
			continue
		}
		delete(running, pid)
		if starts[p.name]++; starts[p.name] > mostStarts {
			return fmt.Errorf("%s ended with status %d, see %s/log/%s.log", p.name, status.ExitStatus(), stateDir, p.name)
		}
		time.Sleep(startPause)
		if err := start(binaries, p, running); err != nil {
			return err
		}
	}
}

// apiServerLimit is for a busy machine. Elsewhere it takes seconds.
const apiServerLimit = 3 * time.Minute

func waitForAPIServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiServerLimit)
	defer cancel()
	client, err := adminClient()
	if err != nil {
		return err
	}
	return poll(ctx, "the API server", func() error { return get(ctx, client, "https://127.0.0.1:6443/readyz") })
}

func adminClient() (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(pki("admin.crt"), pki("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("read admin certificate: %w", err)
	}
	ca, err := os.ReadFile(pki("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}}},
	}, nil
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

const pollPeriod = 100 * time.Millisecond

// poll tries until it succeeds or the context ends. It returns the last error.
func poll(ctx context.Context, what string, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not get ready: %w", what, err)
		case <-time.After(pollPeriod):
		}
	}
}
