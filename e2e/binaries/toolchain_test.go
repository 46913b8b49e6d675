package binaries

import (
	"runtime"
	"strings"
	"testing"
)

func TestProgramsAreBuiltByTheGoThatTheirKeysName(t *testing.T) {
	t.Setenv("GOTOOLCHAIN", "another")
	out, err := Go(t.Context(), "env", "GOVERSION").CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != runtime.Version() {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAVersionOfGoIsNamedAsGOTOOLCHAINNamesIt(t *testing.T) {
	for built, want := range map[string]string{
		"go1.27.4": "go1.27.4", "go1.27.4 X:nodwarf5": "go1.27.4", "go1.28rc1": "go1.28rc1", "devel go1.28-0f0e1d Thu": "local",
	} {
		if got := toolchain(built); got != want {
			t.Errorf("%s is named %s", built, got)
		}
	}
}
