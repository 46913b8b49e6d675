//go:build !linux

package suite

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
)

const linuxOnly = "the processes of a cluster can be reached on Linux only"

func kill(int) {
	GinkgoHelper()
	Fail(linuxOnly)
}

func inside(int) *http.Client {
	GinkgoHelper()
	Fail(linuxOnly)
	return nil
}
