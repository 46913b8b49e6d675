package admission

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is a command of a transcript and its output.
type step struct {
	command string
	prints  []string
}

// transcripts returns the console examples of a page.
func transcripts(t *testing.T, page string) [][]step {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]step
	for _, part := range strings.Split(string(content), "```console\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		var steps []step
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if command, is := strings.CutPrefix(line, "$ "); is {
				steps = append(steps, step{command: command})
				continue
			}
			steps[len(steps)-1].prints = append(steps[len(steps)-1].prints, line)
		}
		found = append(found, steps)
	}
	return found
}

// TestTheTranscriptsOfTheDocumentationAreTrue runs every transcript of the page on its own Deployment, which serves from the
// first command on.
func TestTheTranscriptsOfTheDocumentationAreTrue(t *testing.T) {
	all := transcripts(t, "../../docs/explanation/interception.md")
	if len(all) < 5 {
		t.Fatalf("only %d transcripts were found", len(all))
	}
	for _, steps := range all {
		t.Run(steps[1].command, func(t *testing.T) {
			c := newCluster(t)
			dir := c.withKubectl()
			for i, step := range steps {
				command := exec.CommandContext(t.Context(), "sh", "-c", step.command)
				command.Dir = dir
				command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir)
				out, _ := command.CombinedOutput() // a command that fails says so
				if text := strings.ReplaceAll(string(out), c.Namespace, "demo"); !prints(step.prints).MatchString(text) {
					t.Errorf("$ %s\nprints\n%sand not\n%s", step.command, text, strings.Join(step.prints, "\n"))
				}
				if i == 0 {
					c.MakeAvailable()
				}
			}
		})
	}
}

// withKubectl creates a directory with the manifests and a kubectl that is connected to the server.
func (c cluster) withKubectl() string {
	c.T.Helper()
	dir := c.T.TempDir()
	files := map[string]string{"kubectl": "#!/bin/sh\nexec '" + server.Program("kubectl") + "' --kubeconfig '" + server.Kubeconfig + "' -n " + c.Namespace + " \"$@\"\n"}
	for _, version := range []string{"v1", "v2", "v3"} {
		files["podinfo-"+version+".yaml"] = manifest("podinfo:" + version)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			c.T.Fatal(err)
		}
	}
	return dir
}

// prints matches output against a transcript. HASH is any hash, and … is the rest of the line or, alone on a line, any number
// of lines.
func prints(lines []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	for _, line := range lines {
		if line == "…" {
			b.WriteString("(?s:.*)")
			continue
		}
		b.WriteString(strings.NewReplacer("HASH", "[0-9a-f]{8}", "…", ".*").Replace(regexp.QuoteMeta(line)) + "\n")
	}
	return regexp.MustCompile(b.String() + "$")
}
