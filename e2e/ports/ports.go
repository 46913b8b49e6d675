// Package ports finds ports of this machine for the programs that tests start.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

var (
	mu sync.Mutex
	// given are the ports that a test of this process has got. Its program may listen later, or start again.
	given = map[int]bool{}
)

// Free returns a port on which nothing listens, and returns it only once. It is none of those that the system gives to connections:
// one of these could be taken before a program listens.
func Free(t testing.TB) int {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	const first, ports, tries = 20_000, 12_000, 100
	for range tries {
		port := first + rand.IntN(ports)
		if given[port] {
			continue
		}
		if listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			_ = listener.Close()
			given[port] = true
			return port
		}
	}
	t.Fatalf("nothing can listen on ports from %d", first)
	return 0
}
