package binaries

import (
	"context"
	"go/version"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Go is a command of the Go that built this program. The go on the PATH may be older, and GOTOOLCHAIN may hold it to its own
// version; the folders of the cluster's programs would accept that, but keys name the version of this program.
func Go(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain(runtime.Version()))
	return command
}

// toolchain is the name that GOTOOLCHAIN has for a version of Go. A development version has none; it is the go on the PATH.
func toolchain(built string) string {
	name, _, _ := strings.Cut(built, " ")
	if !version.IsValid(name) {
		return "local"
	}
	return name
}
