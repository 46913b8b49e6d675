package charts

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the README")

// value is one setting of values.yaml, with the sentences above it.
type value struct {
	key, sentence, standard string
}

// values returns all settings in the order of the file. A map with keys in the file is no setting unless it has a sentence.
func values(t *testing.T) []value {
	t.Helper()
	content, err := os.ReadFile("sluice/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	return collect(t, document.Content[0], "")
}

func collect(t *testing.T, mapping *yaml.Node, prefix string) []value {
	t.Helper()
	var found []value
	for i := 0; i < len(mapping.Content); i += 2 {
		key, content := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		if key.HeadComment == "" && content.Kind == yaml.MappingNode {
			found = append(found, collect(t, content, path+".")...)
			continue
		}
		found = append(found, value{key: path, sentence: sentence(key.HeadComment), standard: standard(t, content)})
	}
	return found
}

// sentence returns a comment without its marks and line breaks.
func sentence(comment string) string {
	var lines []string
	for line := range strings.SplitSeq(comment, "\n") {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "#")))
	}
	return strings.Join(lines, " ")
}

// standard returns the default as one line of YAML.
func standard(t *testing.T, node *yaml.Node) string {
	t.Helper()
	flow := *node
	if node.Kind == yaml.MappingNode {
		flow.Style = yaml.FlowStyle
	}
	content, err := yaml.Marshal(&flow)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

func TestEveryValueHasASentence(t *testing.T) {
	found := values(t)
	if len(found) < 40 {
		t.Fatalf("only %d values were found", len(found))
	}
	for _, v := range found {
		if len(v.sentence) < 15 || !strings.HasSuffix(v.sentence, ".") {
			t.Errorf("%s needs a sentence above it, has %q", v.key, v.sentence)
		}
	}
}

const readme = "sluice/README.md"

func TestReadmeHasTheTableOfValues(t *testing.T) {
	content, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	const first, last = "<!-- values: made by make generate -->\n", "<!-- end of values -->"
	before, rest, found := strings.Cut(string(content), first)
	_, after, ended := strings.Cut(rest, last)
	if !found || !ended {
		t.Fatalf("%s must have the lines %q and %q", readme, first, last)
	}
	var table strings.Builder
	table.WriteString("\n| value | default | what it is |\n|---|---|---|\n")
	for _, v := range values(t) {
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", v.key, v.standard, strings.ReplaceAll(v.sentence, "|", `\|`))
	}
	want := before + first + table.String() + "\n" + last + after
	if string(content) == want {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date, run make generate (-is +should be):\n%s", readme, cmp.Diff(string(content), want))
	}
	if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
