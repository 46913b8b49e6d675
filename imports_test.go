// Package sluice tests that imports point downward.
package sluice_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "sluice.dev/sluice/"

// rooms are the packages that rollout is made of.
var rooms = []string{"rollout/target", "rollout/queue", "rollout/plan", "rollout/events", "rollout/cookies", "rollout/strategy", "rollout/observed"}

// with adds the packages of rollout to those that may be imported.
func with(rooms []string, others ...string) []string { return slices.Concat(others, rooms) }

// providers are what the package of a provider may import.
var providers = []string{"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets", "internal/outbound", "internal/provider", "internal/provider/web"}

// allProviders are the packages of all providers.
var allProviders = []string{"internal/provider/cloudwatch", "internal/provider/datadog", "internal/provider/dynatrace", "internal/provider/graphite", "internal/provider/influxdb", "internal/provider/jsonapi",
	"internal/provider/newrelic", "internal/provider/prometheus", "internal/provider/splunk", "internal/provider/stackdriver"}

// layers lists for every package of the core what it may import of this module. Nothing else is allowed.
var layers = map[string][]string{
	"api/v1alpha1":                  {},
	"config":                        {"api/v1alpha1"},
	"config/policy":                 {"api/v1alpha1", "config"},
	"config/process":                {},
	"internal/workload":             {"api/v1alpha1", "config"},
	"internal/freeze":               {"api/v1alpha1"},
	"internal/route":                {"api/v1alpha1", "config"},
	"internal/analysis/presets":     {},
	"internal/analysis":             {"api/v1alpha1", "config", "internal/analysis/presets"},
	"internal/analysis/counters":    {"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets"},
	"internal/analysis/guard":       {},
	"internal/analysis/polls":       {"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard"},
	"internal/coverage":             {},
	"rollout/observed":              {"api/v1alpha1", "config", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage"},
	"rollout/strategy":              {"api/v1alpha1", "config"},
	"rollout/cookies":               {"api/v1alpha1", "config", "internal/route", "rollout/strategy"},
	"rollout/events":                {"api/v1alpha1", "config", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage", "rollout/strategy", "rollout/observed"},
	"rollout/plan":                  {"api/v1alpha1", "config", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage", "rollout/events", "rollout/strategy", "rollout/observed"},
	"rollout/queue":                 {"api/v1alpha1", "config", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage", "rollout/observed"},
	"rollout/target":                {"api/v1alpha1", "config", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage", "rollout/plan", "rollout/events", "rollout/cookies", "rollout/strategy", "rollout/observed"},
	"rollout":                       with(rooms, "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/coverage", "internal/freeze"),
	"internal/outbound":             {},
	"internal/author":               {"api/v1alpha1", "config"},
	"internal/provider":             {"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets"},
	"internal/provider/all":         with(allProviders, providers...),
	"internal/provider/web":         providers[:6],
	"internal/provider/battery":     providers,
	"internal/provider/prometheus":  providers,
	"internal/provider/jsonapi":     providers,
	"internal/provider/datadog":     providers,
	"internal/provider/newrelic":    providers,
	"internal/provider/graphite":    providers,
	"internal/provider/influxdb":    providers,
	"internal/provider/cloudwatch":  providers,
	"internal/provider/splunk":      providers,
	"internal/provider/stackdriver": providers,
	"internal/provider/dynatrace":   providers,
	"internal/hooks":                {"api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/coverage", "rollout/plan", "rollout/events", "rollout/strategy", "rollout/observed", "internal/outbound"},
	"internal/reconciler":           with(rooms, "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/coverage", "rollout", "internal/freeze"),
	"internal/uninstall":            with(rooms, "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/coverage", "rollout", "internal/reconciler", "internal/freeze"),
	"internal/emergency":            with(rooms, "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/coverage", "rollout", "internal/freeze"),
	"internal/admission":            {"api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/freeze"},
	"webhook":                       {"api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/freeze", "internal/admission"},
	"internal/plugin":               with(slices.Concat(rooms, allProviders), "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/counters", "internal/analysis/polls", "internal/coverage", "rollout", "internal/freeze", "internal/analysis/guard", "internal/simulate/traffic", "internal/simulate/rule", "internal/simulate", "internal/simulate/report", "internal/simulate/guarded", "internal/simulate/replay", "internal/simulate/forecast", "config/process", "internal/outbound", "internal/provider", "internal/emergency", "internal/plugin/manifest", "internal/plugin/migrate", "internal/plugin/lint", "internal/provider/web", "internal/provider/all", "internal/analysis/presets"),
	"internal/plugin/manifest":      {"api/v1alpha1", "config"},
	"internal/plugin/migrate":       {"api/v1alpha1", "config", "config/policy", "internal/plugin/manifest"},
	"internal/plugin/lint":          {"api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "rollout/strategy", "internal/freeze", "internal/plugin/manifest"},
	"internal/simulate/traffic":     {},
	"internal/simulate/rule":        {"internal/simulate/traffic"},
	"internal/simulate":             {"internal/simulate/traffic", "internal/simulate/rule"},
	"internal/simulate/replay":      {"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls"},
	"internal/simulate/report":      {"api/v1alpha1", "config", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/simulate/traffic", "internal/simulate/rule", "internal/simulate", "internal/simulate/replay"},
	"internal/simulate/guarded":     {"internal/analysis/guard", "internal/simulate/traffic", "internal/simulate/rule"},
	"internal/simulate/forecast":    with(rooms, "api/v1alpha1", "config", "config/policy", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/polls", "internal/analysis/guard", "internal/coverage", "internal/freeze", "rollout", "internal/simulate/traffic", "internal/simulate/rule", "internal/simulate", "internal/simulate/guarded"),
	"internal/simulate/goals":       {"internal/analysis/guard", "internal/simulate/traffic", "internal/simulate/rule", "internal/simulate", "internal/simulate/guarded"},
	"certs":                         {},
}

// pure packages take values and return values.
var pure = with(rooms, "config", "config/policy", "config/process", "internal/coverage", "internal/freeze", "internal/workload", "internal/route", "internal/analysis", "internal/analysis/presets", "internal/analysis/counters", "internal/analysis/guard", "internal/analysis/polls", "internal/simulate/traffic", "internal/simulate/rule", "internal/simulate", "internal/simulate/report", "internal/simulate/guarded", "internal/simulate/replay", "internal/simulate/forecast", "internal/simulate/goals", "internal/admission", "rollout", "internal/plugin/manifest", "internal/plugin/migrate", "internal/plugin/lint")

// impure is what a pure package must not import itself: clients, contexts, logs, the network, the environment.
var impure = []string{"context", "log", "log/slog", "net/http", "os", "k8s.io/client-go", "sigs.k8s.io/controller-runtime", "github.com/go-logr"}

// schemas are tables of Kubernetes' types without a client. The module of the clients has them too.
var schemas = []string{"k8s.io/client-go/applyconfigurations", "k8s.io/client-go/kubernetes/scheme"}

func list(t *testing.T, what, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{join .`+what+` "\n"}}`, "./"+pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}

// unlisted are the packages that may import anything of this module: the programs, and what only tests use.
var unlisted = []string{"", "api/crds", "charts", "cmd/", "docs", "internal/constants"}

func TestEveryPackageIsListed(t *testing.T) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		pkg := strings.TrimPrefix(path+"/", module)
		free := slices.ContainsFunc(unlisted, func(name string) bool {
			return strings.TrimSuffix(pkg, "/") == name || strings.HasSuffix(name, "/") && strings.HasPrefix(pkg, name)
		})
		if _, listed := layers[strings.TrimSuffix(pkg, "/")]; !listed && !free {
			t.Errorf("%s is neither in layers nor in unlisted", path)
		}
	}
}

// TestTheTreeShowsWhatIsPure holds that whoever sees a pure package may take all that is below it for pure.
func TestTheTreeShowsWhatIsPure(t *testing.T) {
	for pkg := range layers {
		for _, parent := range pure {
			if strings.HasPrefix(pkg, parent+"/") && !slices.Contains(pure, pkg) {
				t.Errorf("%s is not pure but stands below %s, which is", pkg, parent)
			}
		}
	}
}

func TestImportsPointDownward(t *testing.T) {
	for pkg, allowed := range layers {
		for _, dependency := range list(t, "Deps", pkg) {
			own, ours := strings.CutPrefix(dependency, module)
			if ours && !slices.Contains(allowed, own) {
				t.Errorf("%s must not depend on %s", pkg, own)
			}
		}
	}
}

func TestPurePackagesDoNoInputOrOutput(t *testing.T) {
	for _, pkg := range pure {
		for _, imported := range list(t, "Imports", pkg) {
			for _, forbidden := range impure {
				if (imported == forbidden || strings.HasPrefix(imported, forbidden+"/")) && !slices.Contains(schemas, imported) {
					t.Errorf("%s is pure and must not import %s", pkg, imported)
				}
			}
		}
	}
}

// mayStart are the packages that may start a process, all in their tests, with the reason. A test that needs a program or an API
// server belongs in e2e, which is a module of its own.
var mayStart = map[string]string{
	"":                  "these tests ask the go command for imports",
	"internal/outbound": "Go reads the environment's proxies once in a process, so a test runs itself again behind another proxy",
}

// starting is what starts a process.
var starting = []string{"os/exec", "sigs.k8s.io/controller-runtime/pkg/envtest"}

// TestOnlyE2EStartsProcesses looks at all files of a package, because a test may call a helper.
func TestOnlyE2EStartsProcesses(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	excused := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		starts := slices.DeleteFunc(strings.Fields(imports), func(imported string) bool { return !slices.Contains(starting, imported) })
		switch _, may := mayStart[strings.TrimSuffix(strings.TrimPrefix(path+"/", module), "/")]; {
		case len(starts) == 0:
		case may:
			excused++
		default:
			t.Errorf("%s imports %v: move the tests that start a process below e2e", path, starts)
		}
	}
	if excused != len(mayStart) {
		t.Errorf("of the packages in mayStart, only %d start a process: remove the others", excused)
	}
}
