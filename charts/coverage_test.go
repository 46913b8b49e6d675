package charts

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/coverage"
)

// ruleOfPolicies is a rule that permits a list and nothing else.
var ruleOfPolicies = regexp.MustCompile(`\{apiGroups: \[([^\]]*)\], resources: \[([^\]]*)\], verbs: \[list\]\}`)

// TestTheChartPermitsWhatIsLookedFor compares both ways, each in the role that reaches the objects.
func TestTheChartPermitsWhatIsLookedFor(t *testing.T) {
	content, err := os.ReadFile("sluice/templates/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	namespaced, cluster, _ := strings.Cut(string(content), "kind: ClusterRole")
	for role, scopes := range map[string][]coverage.Scope{namespaced: {coverage.Beside, coverage.Anywhere}, cluster: {coverage.Cluster}} {
		var permitted, wanted []string
		_, rules, _ := strings.Cut(role, "{{- if .Values.rbac.policies }}")
		rules, _, _ = strings.Cut(rules, "{{- end }}")
		for _, rule := range ruleOfPolicies.FindAllStringSubmatch(rules, -1) {
			for group := range strings.SplitSeq(rule[1], ", ") {
				for resource := range strings.SplitSeq(rule[2], ", ") {
					permitted = append(permitted, group+"/"+strings.Trim(resource, `"`))
				}
			}
		}
		for _, kind := range coverage.Kinds() {
			if slices.Contains(scopes, kind.Scope) {
				wanted = append(wanted, kind.Group+"/"+kind.Resource)
			}
		}
		slices.Sort(permitted)
		slices.Sort(wanted)
		if !slices.Equal(permitted, wanted) {
			t.Errorf("the chart permits %v, and what is looked for is %v", permitted, wanted)
		}
	}
}
