package docs

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/util/homedir"

	"sluice.dev/sluice/internal/plugin"
)

var update = flag.Bool("update", false, "write the generated parts of the pages anew")

// expect compares a page with what it should be, or writes it with -update.
func expect(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(content) != want {
		t.Errorf("%s is out of date, run make generate (-is +should be):\n%s", name, cmp.Diff(string(content), want))
	}
}

// command returns the plugin, with its output in out.
func command(out *bytes.Buffer) *cobra.Command {
	return plugin.NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: out, ErrOut: out})
}

const cliIntroduction = `# Command line

<!-- made by make generate -->

Every verb of ` + "`kubectl sluice`" + ` and its flags. [The guide](../how-to/kubectl.md) shows what they print and when to use them.
All verbs also take the [flags of kubectl](#flags-of-all-verbs).

`

// reference returns the chapter of one verb, from cobra's description.
func reference(t *testing.T, verb *cobra.Command) string {
	t.Helper()
	var out bytes.Buffer
	if err := doc.GenMarkdown(verb, &out); err != nil {
		t.Fatal(err)
	}
	chapter, _, _ := strings.Cut(out.String(), "### Options inherited from parent commands")
	chapter, _, _ = strings.Cut(chapter, "### SEE ALSO")
	return strings.ReplaceAll(chapter, "### Options\n\n", "")
}

// TestCommandLineReference checks that reference/cli.md matches the commands.
func TestCommandLineReference(t *testing.T) {
	root := command(&bytes.Buffer{})
	var page strings.Builder
	page.WriteString(cliIntroduction)
	for _, verb := range root.Commands() {
		if !verb.IsAvailableCommand() || verb.Name() == "completion" || verb.Name() == "help" {
			continue
		}
		page.WriteString(reference(t, verb))
		for _, part := range verb.Commands() {
			if part.Name() != "help" {
				page.WriteString(reference(t, part))
			}
		}
	}
	fmt.Fprintf(&page, "## Flags of all verbs\n\n```\n%s```\n", root.PersistentFlags().FlagUsages())
	expect(t, "reference/cli.md", strings.ReplaceAll(page.String(), homedir.HomeDir(), "$HOME"))
}

// TestChartReference checks that reference/chart.md matches the chart's README. The site contains only what is below docs.
func TestChartReference(t *testing.T) {
	content, err := os.ReadFile("../charts/sluice/README.md")
	if err != nil {
		t.Fatal(err)
	}
	title, rest, _ := strings.Cut(string(content), "\n")
	expect(t, "reference/chart.md", title+"\n\n<!-- made by make generate -->\n"+strings.ReplaceAll(rest, "](../../docs/", "](../"))
}

const golden = "../internal/plugin/testdata"

// sample finds a sample of output in a page. The expected output is in a golden file of the plugin's tests, or is what the
// plugin prints now with the files of testdata.
var sample = regexp.MustCompile("(?s)<!-- (golden|run): ([^\n]*) -->\n```\n\\$ ([^\n]*)\n.*?```\n")

// TestSamplesOfOutput checks that the samples in the pages match the plugin's output.
func TestSamplesOfOutput(t *testing.T) {
	pages, err := filepath.Glob("*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range pages {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, name, sample.ReplaceAllStringFunc(string(content), func(old string) string {
			found++
			part := sample.FindStringSubmatch(old)
			printed := printedBy(t, part[1], part[2])
			return fmt.Sprintf("<!-- %s: %s -->\n```\n$ %s\n%s```\n", part[1], part[2], part[3], printed)
		}))
	}
	if found < 5 {
		t.Errorf("only %d samples were found", found)
	}
}

func printedBy(t *testing.T, kind, what string) string {
	t.Helper()
	if kind == "golden" {
		content, err := os.ReadFile(filepath.Join(golden, what+".golden"))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	t.Chdir("testdata")
	var out bytes.Buffer
	root := command(&out)
	root.SetArgs(strings.Fields(what))
	// Findings are an error. Only the output matters here.
	_ = root.Execute()
	t.Chdir("..")
	return out.String()
}
