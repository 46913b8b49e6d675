package seen

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "../../docs/explanation/security.md"

// moments are the requests of the table, in its order: the key of what was observed, and the cells that tell of the request.
var moments = []struct{ key, request, user, object string }{
	{"held", "a change that is held back", "the author", "the primary, with the template that it runs"},
	{"as author", "the dry run before that, with [`asAuthor`](#ask-as-the-author)", "the author", "the primary, with the author's template"},
	{"copy", "the canary is created", "Sluice", "`NAME-canary`, owned by the Canary `NAME`, with the author's template and the primary's own labels"},
	{"promotion", "the promotion", "Sluice", "the primary, with the author's template"},
	{"let through", "a primary that serves nobody gets the template at once", "Sluice", "the same"},
	{"bypass", "a bypass or another direct change", "the author", "the same"},
}

// kinds are the columns of the table: what a rule goes by, and the rule of the test that does.
var kinds = []struct{ column, rule string }{
	{"`userInfo`", "user"}, {"`authorizer`", "authorizer"}, {"`requested-by`", "author"}, {"\"no owner\"", "root"}, {"the primary's name", "name"}, {"the primary's labels", "label"},
}

const begin, end = "<!-- who is seen: go test ./seen -update, in e2e -->\n\n", "\n<!-- end of who is seen -->"

func tableOfDocs(t *testing.T, observed map[string][]string) {
	t.Helper()
	var table strings.Builder
	table.WriteString("| request | user | object |")
	for _, kind := range kinds {
		table.WriteString(" " + kind.column + " |")
	}
	table.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, moment := range moments {
		table.WriteString("| " + moment.request + " | " + moment.user + " | " + moment.object + " |")
		for _, kind := range kinds {
			cell := " passes |"
			if slices.Contains(observed[moment.key], kind.rule) {
				cell = " **refuses** |"
			}
			table.WriteString(cell)
		}
		table.WriteString("\n")
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(content), begin)
	documented, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("%s has no place for the table\n%s", page, table.String())
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(documented, table.String()); diff != "" {
		t.Errorf("%s is out of date (-is +should be):\n%s", page, diff)
	}
}

// recipe returns the sample of the docs after a heading.
func recipe(t *testing.T, heading string) string {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), heading)
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	sample, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatalf("%s has no sample below %q", page, heading)
	}
	return sample
}
