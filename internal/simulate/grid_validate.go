package simulate

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/internal/simulate/traffic"
)

// validate checks every value.
func (g Grid) validate() field.ErrorList {
	var v validator
	v.axis("requestsPerSecond", len(g.RequestsPerSecond), true)
	v.axis("primaryErrors", len(g.PrimaryErrors), true)
	v.axis("canaryErrors", len(g.CanaryErrors), true)
	for i, value := range g.RequestsPerSecond {
		v.number(field.NewPath("requestsPerSecond").Index(i), value, 0.001, 100000)
	}
	for i, value := range g.PrimaryErrors {
		v.percent(field.NewPath("primaryErrors").Index(i), value)
	}
	for i, value := range g.CanaryErrors {
		v.percent(field.NewPath("canaryErrors").Index(i), value)
	}
	for i, value := range g.CanaryLatency {
		v.number(field.NewPath("canaryLatency").Index(i), value, 0.01, 1000)
	}
	for i, value := range g.Onset {
		v.whole(field.NewPath("onset").Index(i), value, longest)
	}
	g.validateEvents(&v)
	combinations := 1
	for _, values := range []int{len(g.RequestsPerSecond), len(g.PrimaryErrors), len(g.CanaryErrors), len(g.CanaryLatency), len(g.Onset), len(g.Outages), len(g.Bursts), len(g.Scrapes), len(g.WarmUps)} {
		combinations = min(combinations*max(1, values), mostScenarios+1)
	}
	if combinations > mostScenarios {
		v.errs = append(v.errs, field.TooMany(nil, combinations, mostScenarios))
	}
	return v.errs
}

// validateEvents checks the axes whose values have fields.
func (g Grid) validateEvents(v *validator) {
	for i, o := range g.Outages {
		path := field.NewPath("outages").Index(i)
		v.whole(path.Child("from"), o.From, longest)
		v.whole(path.Child("for"), o.For, longest)
		v.whole(path.Child("every"), o.Every, longest)
		v.percent(path.Child("errors"), o.Errors)
	}
	for i, b := range g.Bursts {
		path := field.NewPath("bursts").Index(i)
		v.number(path.Child("size"), b.Size, 0, 1000)
		v.whole(path.Child("over"), b.Over, 60)
	}
	for i, r := range g.Scrapes {
		path := field.NewPath("scrapes").Index(i)
		v.whole(path.Child("interval"), r.Interval, 600)
		v.whole(path.Child("skew"), r.Skew, 600)
		v.percent(path.Child("missing"), r.Missing)
		v.whole(path.Child("canaryRestart"), r.CanaryRestart, longest)
		v.whole(path.Child("primaryRestart"), r.PrimaryRestart, longest)
	}
	for i, w := range g.WarmUps {
		path := field.NewPath("warmUps").Index(i)
		v.whole(path.Child("for"), w.For, longest)
		v.number(path.Child("latency"), cmp.Or(w.Latency, 1), 0.01, 1000)
	}
}

// validator collects mistakes.
type validator struct{ errs field.ErrorList }

func (v *validator) axis(name string, values int, needed bool) {
	if needed && values == 0 {
		v.errs = append(v.errs, field.Required(field.NewPath(name), "list at least one value"))
	}
}

func (v *validator) number(path *field.Path, value, least, greatest float64) {
	if !(value >= least && value <= greatest) {
		v.errs = append(v.errs, field.Invalid(path, value, fmt.Sprintf("must be from %v to %v", least, greatest)))
	}
}

func (v *validator) percent(path *field.Path, value float64) { v.number(path, value, 0, 100) }

func (v *validator) whole(path *field.Path, value metav1.Duration, longest traffic.Seconds) {
	if d := value.Duration; d < 0 || d > time.Duration(longest)*time.Second || d%time.Second != 0 {
		v.errs = append(v.errs, field.Invalid(path, d.String(), fmt.Sprintf("must be whole seconds, at most %s", time.Duration(longest)*time.Second)))
	}
}
