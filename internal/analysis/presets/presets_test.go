package presets

import (
	"slices"
	"strings"
	"testing"
)

// TestPresets reads each file, under its own name.
func TestPresets(t *testing.T) {
	entries, err := files.ReadDir("files")
	if err != nil {
		t.Fatal(err)
	}
	controllers, uses := map[string]string{}, map[string]bool{}
	for _, p := range All() {
		uses[p.Name] = p.Uses != ""
	}
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			content, _ := files.ReadFile("files/" + entry.Name())
			preset, err := Parse(content)
			if err != nil {
				t.Fatal(err)
			}
			if preset.Name+".yaml" != entry.Name() {
				t.Errorf("it is called %q", preset.Name)
			}
			for _, controller := range preset.Controllers {
				if other := controllers[controller]; other != "" {
					t.Errorf("%s has controller %s, too", other, controller)
				}
				controllers[controller] = preset.Name
			}
			if chained, exists := uses[preset.Uses]; preset.Uses != "" && (!exists || chained) {
				t.Errorf("it uses %q, which has no series", preset.Uses)
			}
			if preset.Uses == "" && len(preset.Needs) == 0 {
				t.Error("it does not say what it needs")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "name: a\nof: A\ncounts: gateway\nversion: {label: service, is: workload}\nseries:\n- {requests: a_total, code: code, buckets: a_bucket, unit: seconds}\ncannotSee: [b]\nproven: running\nsource: [c]\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"a field that it does not know":    {"name: a", "nam: a", `unknown field "nam"`},
		"a field twice":                    {"name: a", "name: a\nname: a", "already"},
		"no name":                          {"name: a", "", "name is missing"},
		"no source":                        {"source: [c]", "", "source is missing"},
		"another proof":                    {"proven: running", "proven: surely", `proven must be running, documents or not verified, not "surely"`},
		"nothing that it cannot see":       {"cannotSee: [b]", "", "cannotSee is missing"},
		"another counter":                  {"counts: gateway", "counts: nodes", `counts must be gateway or pods, not "nodes"`},
		"no series":                        {"series:\n- {requests: a_total, code: code, buckets: a_bucket, unit: seconds}", "", "series is missing"},
		"a name that is a query":           {"a_total", `"a_total} or vector(1)"`, "series[0].requests must be the name of a series"},
		"a label that is a query":          {"code: code", `code: "code=~"`, `series[0]: "code=~" is no name of a label`},
		"no status":                        {"code: code, ", "", "series[0] must have code or grpc"},
		"another unit":                     {"unit: seconds", "unit: minutes", "series[0].unit must be seconds or milliseconds"},
		"no label of the version":          {"label: service, ", "", "version.label must be the label"},
		"a form that it does not know":     {"is: workload", "is: node", "version must have is (pod, workload, traefik-service) or like"},
		"a placeholder that is none":       {"is: workload", `like: ["{node}-{service}"]`, `{node} must be one of {namespace}, {service}, {workload}, {port}, {any}`},
		"a form that mixes both versions":  {"is: workload", `like: ["{namespace}"]`, "nothing else differs between the versions"},
		"a label with two conditions":      {"series:", "labels: [{name: a, is: b, not: c}]\nseries:", "labels[0] must have one of is, matches and not"},
		"a regular expression that is bad": {"series:", "labels: [{name: a, matches: '('}]\nseries:", "labels[0].matches: error parsing"},
		"series of its own and another's":  {"counts: gateway", "uses: app\ncounts: gateway", "uses: app leaves no place for series"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(strings.Replace(good, c.from, c.to, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("says %v, not %q", err, c.want)
			}
		})
	}
}

func TestAllAreInOrder(t *testing.T) {
	if !slices.IsSortedFunc(All(), func(a, b Preset) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("they are not sorted by name")
	}
}
