package local

import (
	"os"
	"os/exec"
	"testing"
)

func TestStartTimeTellsProcessesApart(t *testing.T) {
	own, err := startTime(os.Getpid())
	if err != nil || own == "" {
		t.Fatalf("got %q, %v", own, err)
	}
	again, err := startTime(os.Getpid())
	if err != nil || again != own {
		t.Errorf("the same process began at %s and at %s", own, again)
	}
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if began, err := startTime(child.Process.Pid); err == nil && began == own {
		t.Error("a process that has ended looks like this one")
	}
}

func TestPKI(t *testing.T) {
	dir := t.TempDir()
	if err := writePKI(dir); err != nil {
		t.Fatal(err)
	}
	for _, id := range identities {
		for _, extension := range []string{".crt", ".key"} {
			info, err := os.Stat(dir + "/" + id.file + extension)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s%s: %v %v", id.file, extension, info, err)
			}
		}
	}
}
