package ports

import (
	"net"
	"strconv"
	"testing"
)

// TestEachPortIsGivenOnce takes so many ports that two would be the same by chance.
func TestEachPortIsGivenOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 1000 {
		port := Free(t)
		if seen[port] {
			t.Fatalf("%d was given before", port)
		}
		seen[port] = true
	}
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(Free(t)))
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
}
