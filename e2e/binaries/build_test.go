package binaries

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestABuildSaysHowFarItIs(t *testing.T) {
	log := &buildLog{pkg: "example.com/tool"}
	for _, step := range []struct{ writes, state string }{
		{"", "0 packages compiled"},
		{"go: downloading example.com/a v1.0.0\ngo: downloading example.com/b v1.0.0\n", "2 modules downloaded"},
		{"errors\nunicode/utf8\nexample.com/a/", "2 packages compiled"},
		{"v2\n", "3 packages compiled"},
		{"# example.com/b\n../b/b.go:1:2: undefined: b\n\tnote\n", "3 packages compiled"},
		{"example.com/tool\n", "4 packages compiled, linking"},
	} {
		if _, err := log.Write([]byte(step.writes)); err != nil || log.state() != step.state {
			t.Errorf("after %q: %q, %v", step.writes, log.state(), err)
		}
	}
	if got, want := log.messages(), "# example.com/b\n../b/b.go:1:2: undefined: b\n\tnote\n"; got != want {
		t.Errorf("what is wrong is %q", got)
	}
}

func TestABuildKnowsHowMuchThereIs(t *testing.T) {
	log := &buildLog{pkg: "example.com/tool"}
	log.expect(1500)
	_, _ = log.Write([]byte("errors\n"))
	if got, want := log.state(), "1 of at most 1500 packages compiled"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestOneBuildsAndTheOthersKnowWhat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "build.lock")
	silent := func(line string) { t.Errorf("said %q", line) }
	first, err := lock(t.Context(), silent, path)
	if err != nil {
		t.Fatal(err)
	}
	first.note("building kube-apiserver, 2 of 11: 412 of at most 1530 packages compiled")
	first.note("building kubectl, 3 of 11")
	if word, err := os.ReadFile(path); string(word) != "building kubectl, 3 of 11" {
		t.Errorf("the others read %q, %v", word, err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 3*attempts)
	defer cancel()
	if _, err := lock(soon, silent, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second one got the lock: %v", err)
	}
	time.AfterFunc(2*attempts, first.unlock)
	second, err := lock(t.Context(), silent, path)
	if err != nil {
		t.Fatal(err)
	}
	if word, err := os.ReadFile(path); len(word) > 0 {
		t.Errorf("word of a build that is done is left: %q, %v", word, err)
	}
	second.unlock()
}
