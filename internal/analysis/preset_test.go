package analysis

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis/presets"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestEachPresetAsks holds what each preset asks about a canary that listens at ports 80 and 9898.
func TestEachPresetAsks(t *testing.T) {
	const path = "testdata/presets.golden"
	var b strings.Builder
	for _, name := range config.Presets {
		p := known[name]
		if i := slices.IndexFunc(presets.All(), func(a presets.Preset) bool { return a.Name == string(name) }); presets.All()[i].Uses != "" {
			fmt.Fprintf(&b, "# %s\nas %s\n", name, presets.All()[i].Uses)
			continue
		}
		raw, _ := RawFor(name, rawTarget)
		fmt.Fprintf(&b, "# %s\ncounters %s\nhistory %s\n", name, raw.Query(time.Minute).Expression, raw.History().Expression)
		for _, metric := range []Metric{RequestCount, SuccessRate, Duration} {
			fmt.Fprintf(&b, "%s %s\n", metric, p.expression(metric, rawTarget, time.Minute))
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("other queries than before; if that is meant, run go test ./internal/analysis -update\n%s", diff)
	}
}

// TestEachPresetTellsTheVersionsApart holds that no number mixes both: what a query about one version selects is of that version alone.
func TestEachPresetTellsTheVersionsApart(t *testing.T) {
	of := map[string][2]string{
		"podinfo-canary-7c9e41d2ab-x7k2p":                {"pod"},
		"podinfo-canary":                                 {"workload"},
		"shop-podinfo-canary-http-80@kubernetesgateway":  {"traefik-service"},
		"service/shop/podinfo-canary/80/http":            {"", "envoy-gateway-backends"},
		"kube_shop_podinfo-canary_80":                    {"", "kgateway"},
		"shop/cilium-gateway-web/shop:podinfo-canary:80": {"", "cilium"},
		"shop_podinfo-canary_80":                         {"", "contour"},
	}
	for _, p := range presets.All() {
		if p.Uses != "" {
			p = known[config.Preset(p.Uses)].Preset
		}
		tried := false
		for canary, by := range of {
			if by[0] != p.Version.Is || by[0] == "" && by[1] != p.Name {
				continue
			}
			tried = true
			raw, _ := RawFor(config.Preset(p.Name), rawTarget)
			primary := strings.Replace(canary, "podinfo-canary", "podinfo", 1)
			for value, want := range map[string]Arm{canary: ArmCanary, primary: ArmPrimary, strings.Replace(canary, "podinfo", "other", 1): ArmNone, "x" + primary + "x": ArmNone} {
				if got := raw.ArmOf(map[string]string{p.Version.Label: value}); got != want {
					t.Errorf("%s takes %s for arm %d, not %d", p.Name, value, got, want)
				}
			}
		}
		if !tried {
			t.Errorf("%s is not tried", p.Name)
		}
	}
}

func TestPresetsOfPods(t *testing.T) {
	for name, p := range known {
		if got := p.Counts == presets.Pods; got != name.OfPods() {
			t.Errorf("%s counts by pods: %v, and config says %v", name, got, name.OfPods())
		}
		if slices.Contains(p.Controllers, "") {
			t.Errorf("%s has a controller without a name", name)
		}
	}
}
