package local

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Daemon owns the cluster. It listens on this machine's loopback address, forwards into the cluster's network namespace, and
// holds the node's first process, which ends with the daemon.
func Daemon(ctx context.Context, binaries string) error {
	if err := join(groupNode); err != nil {
		return err
	}
	node := exec.CommandContext(ctx, "/proc/self/exe", "node", "--binaries", binaries)
	node.Stdout, node.Stderr = os.Stdout, os.Stderr
	node.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	// The death signal is sent when the thread that started the process ends, so that thread must stay.
	runtime.LockOSThread()
	if err := node.Start(); err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	namespace, err := os.Open(filepath.Join("/proc", fmt.Sprint(node.Process.Pid), "ns/net"))
	if err != nil {
		return fmt.Errorf("open the node's network namespace: %w", err)
	}
	for _, port := range Ports {
		if err := forward(port, int(namespace.Fd())); err != nil {
			return err
		}
	}
	err = node.Wait()
	// The descriptor is used by number. That does not keep the file open if nothing refers to it.
	runtime.KeepAlive(namespace)
	return fmt.Errorf("the node ended: %w", err)
}

// acceptAgain is the pause after a failed accept.
const acceptAgain = 100 * time.Millisecond

func forward(port, namespace int) error {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s, is something else running there? %w", address, err)
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				// Nothing closes the listener, so the process is out of file descriptors. Some are free once others have been served.
				time.Sleep(acceptAgain)
				continue
			}
			go serve(client, address, namespace)
		}
	}()
	return nil
}

// serve copies in both directions until both are done. The end of one direction is passed on.
func serve(client net.Conn, address string, namespace int) {
	defer func() { _ = client.Close() }()
	server, err := dialInside(address, namespace)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	done := make(chan struct{})
	go func() {
		pass(server, client)
		close(done)
	}()
	pass(client, server)
	<-done
}

func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// dialInside creates the socket on a thread in the namespace. The thread is not reused: it stays locked, so Go ends it with the
// goroutine.
func dialInside(address string, namespace int) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	results := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
			results <- result{err: err}
			return
		}
		conn, err := net.Dial("tcp4", address)
		results <- result{conn, err}
	}()
	r := <-results
	return r.conn, r.err
}
