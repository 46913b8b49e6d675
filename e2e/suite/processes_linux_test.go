package suite

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
)

func kill(pid int) {
	GinkgoHelper()
	Expect(syscall.Kill(pid, syscall.SIGKILL)).To(Or(Succeed(), MatchError(syscall.ESRCH)))
}

// inside sends requests from the network of a process.
func inside(pid int) *http.Client {
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		type result struct {
			conn net.Conn
			err  error
		}
		results := make(chan result, 1)
		go func() {
			// The thread stays in the other network, so it must end with this goroutine.
			runtime.LockOSThread()
			namespace, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "ns", "net"))
			if err == nil {
				err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
				_ = namespace.Close()
			}
			if err != nil {
				results <- result{err: err}
				return
			}
			conn, err := net.Dial(network, address)
			results <- result{conn, err}
		}()
		r := <-results
		return r.conn, r.err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}
