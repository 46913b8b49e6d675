package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// TestNoNamespaceLoosensTheGuard sets what the guard is told in both directions.
func TestNoNamespaceLoosensTheGuard(t *testing.T) {
	limits := v1alpha1.PolicyLimits{MinInterval: seconds(120), Guard: &v1alpha1.GuardLimits{
		MaxSLOErrorRate: ptr.To(0.5), MinAlpha: ptr.To(0.02), MaxRho: ptr.To(1.1), NeedsProof: ptr.To(true)}}
	on := func(guard v1alpha1.Guard) *v1alpha1.AnalysisSpec {
		guard.Enabled = ptr.To(true)
		return &v1alpha1.AnalysisSpec{Guard: &guard}
	}
	limited := config.Guard{Enabled: true, Ladder: true, Alone: true, SLOErrorRate: .005, Alpha: .02, Rho: 1.1, Latency: true, EarlyAdvance: true,
		OnInconclusive: config.ThenPause, OnSuspicious: config.ThenRollBack, MinDwell: 2 * time.Minute, MaxDwell: 2 * time.Minute}
	strict := limited
	strict.SLOErrorRate, strict.Alpha, strict.Rho, strict.OnInconclusive, strict.MinDwell, strict.MaxDwell = .001, .1, 1, config.ThenRollBack, 5*time.Minute, 10*time.Minute
	for name, c := range map[string]struct {
		analysis *v1alpha1.AnalysisSpec
		want     config.Guard
		limited  bool
	}{
		"nothing is set": {on(v1alpha1.Guard{}), limited, true},
		"lax": {on(v1alpha1.Guard{SLOErrorRate: ptr.To(50.0), Alpha: ptr.To(1e-6), Rho: ptr.To(100.0), OnInconclusive: ptr.To("promote"),
			MinDwell: seconds(1), MaxDwell: seconds(1)}), limited, true},
		"strict": {on(v1alpha1.Guard{SLOErrorRate: ptr.To(0.1), Alpha: ptr.To(0.1), Rho: ptr.To(1.0), OnInconclusive: ptr.To("rollback"),
			MinDwell: seconds(300), MaxDwell: seconds(600)}), strict, false},
	} {
		t.Run(name, func(t *testing.T) {
			own := &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own"}, Spec: v1alpha1.PolicySpec{Analysis: c.analysis}}
			before := c.analysis.DeepCopy()
			present := PresentOf("shop", map[string]string{config.AnnotationPolicy: "own"}, Policies{Default: guarded(limits), Named: own})
			if present.Problem != "" {
				t.Fatal(present.Problem)
			}
			if diff := cmp.Diff(c.want, present.Policy.Guard); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, c.analysis); diff != "" {
				t.Errorf("the policy itself is changed: %s", diff)
			}
			for _, source := range present.Status.Sources {
				if source.Field == "analysis.guard.sloErrorRate" && (source.From == "ClusterCanaryPolicy/default (limits)") != c.limited {
					t.Errorf("the limit is from %s", source.From)
				}
			}
		})
	}
}

// TestLimitsOfTheGuardKeepItOn turns the guard off where the cluster has limits for it, and where it has others.
func TestLimitsOfTheGuardKeepItOn(t *testing.T) {
	off := v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Guard: &v1alpha1.Guard{Enabled: ptr.To(false)}}}
	silent := v1alpha1.PolicySpec{Traffic: ptr.To(v1alpha1.TrafficNone)}
	some := v1alpha1.PolicyLimits{Guard: &v1alpha1.GuardLimits{MaxSLOErrorRate: ptr.To(0.5)}}
	for name, c := range map[string]struct {
		spec    v1alpha1.PolicySpec
		limits  v1alpha1.PolicyLimits
		enabled bool
		slo     float64
		from    string
	}{
		"a policy turns it off":                {off, some, true, .005, "ClusterCanaryPolicy/default (limits)"},
		"empty limits keep it on, too":         {off, v1alpha1.PolicyLimits{Guard: &v1alpha1.GuardLimits{}}, true, .01, "ClusterCanaryPolicy/default (limits)"},
		"a policy leaves it on":                {v1alpha1.PolicySpec{}, some, true, .005, FromBuiltIn},
		"other limits do not turn it on":       {off, v1alpha1.PolicyLimits{MaxThreshold: ptr.To[int32](1)}, false, .01, "CanaryPolicy/own"},
		"without traffic it has nothing to do": {silent, some, false, .01, ""},
	} {
		t.Run(name, func(t *testing.T) {
			own := &v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "own"}, Spec: c.spec}
			present := PresentOf("shop", map[string]string{config.AnnotationPolicy: "own"}, Policies{Default: guarded(c.limits), Named: own})
			if present.Problem != "" || present.Policy.Guard.Enabled != c.enabled || present.Policy.Guard.SLOErrorRate != c.slo {
				t.Errorf("%s, %+v", present.Problem, present.Policy.Guard)
			}
			from := ""
			for _, source := range present.Status.Sources {
				if source.Field == "analysis.guard.enabled" {
					from = source.From
				}
			}
			if from != c.from {
				t.Errorf("enabled is from %q, not %q", from, c.from)
			}
		})
	}
}

func TestLimitsOfTheGuardAreInRange(t *testing.T) {
	wrong := v1alpha1.ClusterPolicySpec{Limits: &v1alpha1.PolicyLimits{Guard: &v1alpha1.GuardLimits{MaxSLOErrorRate: ptr.To(0.0), MinAlpha: ptr.To(1.0), MaxRho: ptr.To(0.5)}}}
	errs := ValidateCluster(v1alpha1.DefaultPolicyName, wrong)
	for _, name := range []string{"maxSLOErrorRate", "minAlpha", "maxRho"} {
		if len(errs) != 3 || !strings.Contains(errs.ToAggregate().Error(), "spec.limits.guard."+name) {
			t.Errorf("%s is not in %v", name, errs)
		}
	}
}
