package plugin

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

const examples = "../../examples/"

// ofExamples is what kubectl sluice lint says of the steps of each example.
var ofExamples = map[string]string{
	"app.yaml":        "podinfo: canary 0.2%, 1%, 5%, 10%, 25%, 50%, each until the guard accepts it or for 1m0s, from built-in",
	"steps.yaml":      "podinfo: canary 5%, 25%, 50% every 1m0s, from CanaryPolicy/podinfo",
	"ab-test.yaml":    "podinfo: a/b 10 iterations every 1m0s, from CanaryPolicy/podinfo",
	"blue-green.yaml": "podinfo: blue/green 3 iterations, 100% for 2m0s every 30s, from CanaryPolicy/podinfo",
	"approval.yaml":   "podinfo: canary 0.2%, 1%, 5%, 10%, 25%, 50%, each until the guard accepts it or for 1m0s, from CanaryPolicy/podinfo",
	"worker.yaml":     "mailer: without traffic 10%, 30% every 5m0s, from CanaryPolicy/mailer",
}

func TestExamplesAreRightAndListed(t *testing.T) {
	files, err := filepath.Glob(examples + "*.yaml")
	if err != nil || len(files) != len(ofExamples) {
		t.Errorf("%d files, %d expected: %v", len(files), len(ofExamples), err)
	}
	readme, err := os.ReadFile(examples + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file := filepath.Base(path)
		streams, _, out, told := genericiooptions.NewTestIOStreams()
		cmd := NewCommand(streams)
		cmd.SetArgs([]string{"lint", "--strict", "-o", "wide", "-f", path})
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%s: %v\n%s%s", file, err, out, told)
		}
		if says := strings.TrimSpace(out.String()); says != ofExamples[file] {
			t.Errorf("%s: lint says %q, want %q", file, says, ofExamples[file])
		}
		if !bytes.Contains(readme, []byte("["+file+"]("+file+")")) {
			t.Errorf("README.md does not list %s", file)
		}
	}
}
