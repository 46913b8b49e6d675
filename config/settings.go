package config

import (
	"slices"
	"strings"

	"sluice.dev/sluice/api/v1alpha1"
)

// Settings are what the annotations of a Deployment say.
type Settings struct {
	// Spec is their part of the policy, without Checks.
	Spec v1alpha1.PolicySpec
	// Checks set the thresholds of built-in checks, wherever those are listed; a check that no policy lists is added.
	Checks []v1alpha1.Metric
	// Policy is the name of the CanaryPolicy or ClusterCanaryPolicy that it names; empty for none.
	Policy string
	// Group is the name of its group; empty for none.
	Group string
	// IdentityLabels are the label keys to rewrite on the canary's pods.
	IdentityLabels []string
	// MissedPolicies are the policies that may miss the canary, as KIND/NAME, or * for all.
	MissedPolicies []string
}

// settings are in the order of the documentation.
var settings = slices.Concat(settingsOfApps, settingsOfSteps, settingsOfChecks, settingsOfGuard, settingsOfCanaries, settingsOfAdmission)

var settingsOfApps = []Annotation{
	{Key: AnnotationCanary, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Opts the Deployment in.",
		read:     func(_ *Settings, v string) error { return yesOrNo(v) }},
	{Key: AnnotationPolicy, Kind: KindSetting, Values: "a name", Without: "`ClusterCanaryPolicy/default` alone, if there is one", Example: "standard",
		Sentence: "The [policy](../how-to/policies.md) to roll out by: the CanaryPolicy of that name in the namespace, else the ClusterCanaryPolicy.",
		read:     func(s *Settings, v string) error { s.Policy = v; return dnsName(v) }},
	{Key: AnnotationService, Kind: KindSetting, Values: "a name", Without: "found by its selector", Example: "podinfo",
		Sentence: "The Service of the pods, if several select them.",
		read:     func(s *Settings, v string) error { s.service().Name = &v; return dnsLabel(v) }},
	{Key: AnnotationRoutes, Kind: KindSetting, Values: "routes as `HTTPRoute/name`, `GRPCRoute/name` or `HTTPRoute/namespace/name`, separated by commas",
		Without: "all that have the Service as a backend", Example: "HTTPRoute/shop,GRPCRoute/shop",
		Sentence: "The routes that share the requests.",
		read:     func(s *Settings, v string) error { return readRoutes(&s.service().Routes, v) }},
	{Key: AnnotationCohort, Kind: KindSetting, Values: "`service` or `service=target`, separated by commas", Without: "none", Example: "cart,stock=stock-next",
		Sentence: "The Services whose canaries, or targets, get the requests that came through this Deployment's canary.",
		read:     func(s *Settings, v string) error { return readCohort(&s.service().Cohort, v) }},
	{Key: AnnotationTraffic, Kind: KindSetting, Values: "`routes`, `none`", Default: "routes", Example: "none",
		Sentence: "Whether routes share requests, or the workload gets none and only checks and hooks decide.",
		read: func(s *Settings, v string) error {
			return readChoice(&s.Spec.Traffic, v, v1alpha1.TrafficRoutes, v1alpha1.TrafficNone)
		}},
	{Key: AnnotationGroup, Kind: KindSetting, Values: "a name", Without: "no group", Example: "checkout",
		Sentence: "The group of Deployments that step together.",
		read:     func(s *Settings, v string) error { s.Group = v; return groupName(v) }},
	{Key: AnnotationSuspend, Kind: KindSetting, Values: "`true`, `false`", Default: "false", Example: "true",
		Sentence: "Starts no rollout, takes no step and promotes nothing; checks of a running canary continue.",
		read:     func(s *Settings, v string) error { return readYes(&s.Spec.Suspend, v) }},
}

var settingsOfCanaries = []Annotation{
	{Key: AnnotationProgressDeadline, Kind: KindSetting, Values: "a duration of at least 1s, or seconds", Default: "600s", Example: "15m",
		Sentence: "How long to wait for the same thing: a ready canary, a passing check, a ready primary.",
		read:     func(s *Settings, v string) error { return readDeadline(&s.Spec.ProgressDeadlineSeconds, v, 1) }},
	{Key: AnnotationPrimaryReadyThreshold, Kind: KindSetting, Values: "percent, 0 to 100", Default: "100", Example: "80",
		Sentence: "The share of the primary's updated replicas that must be available for it to count as ready.",
		read:     func(s *Settings, v string) error { return readShare(&s.analysis().PrimaryReadyThreshold, v) }},
	{Key: AnnotationCanaryReadyThreshold, Kind: KindSetting, Values: "percent, 0 to 100", Default: "100", Example: "80",
		Sentence: "The share of the canary's replicas that must be available for it to count as ready.",
		read:     func(s *Settings, v string) error { return readShare(&s.analysis().CanaryReadyThreshold, v) }},
	{Key: AnnotationCanaryReplicas, Kind: KindSetting, Values: "`proportional`, `primary`, a number, a percentage", Default: "proportional", Example: "30%",
		Sentence: "How many replicas the canary has: in proportion to its weight, as many as the primary, or that many.",
		read:     func(s *Settings, v string) error { return readReplicas(&s.canary().Replicas, v) }},
	{Key: AnnotationCanaryAutoscaler, Kind: KindSetting, Values: "`copy`, `none`", Default: "copy", Example: "none",
		Sentence: "Whether the canary gets a copy of the primary's autoscaler, scaled to its share.",
		read: func(s *Settings, v string) error {
			return readChoice(&s.canary().Autoscaler, v, AutoscalerCopy, AutoscalerNone)
		}},
	{Key: AnnotationIdentityLabels, Kind: KindSetting, Values: "label keys, separated by commas", Without: "the fewest that are needed", Example: "app,tier",
		Sentence: "The labels whose values differ on the canary's pods.",
		read:     readLabels},
	{Key: AnnotationMissedPolicies, Kind: KindSetting, Values: "policies as `Kind/name`, separated by commas, or `*`", Without: "none",
		Example:  "AuthorizationPolicy/podinfo,BackendTLSPolicy/podinfo",
		Sentence: "The [policies](../how-to/capacity.md#policies-that-would-miss-the-canary) that may miss the canary and hold no rollout.",
		read:     readMissed},
}

var settingsOfAdmission = []Annotation{
	{Key: AnnotationUnavailableAfter, Kind: KindSetting, Values: "a duration of at least 30s, or seconds", Default: "60s", Example: "5m",
		Sentence: "How long the primary must have had no ready replica and no ready endpoint before a change goes straight through.",
		read: func(s *Settings, v string) error {
			return readDeadline(&s.Spec.UnavailableAfterSeconds, v, LeastUnavailable)
		}},
	{Key: AnnotationWhenUnavailable, Kind: KindSetting, Values: "`direct`, `canary`", Default: WhenUnavailableDirect, Example: WhenUnavailableCanary,
		Sentence: "What happens to a change while the primary is unavailable: once that has lasted, it goes straight through; or it gets a canary as usual.",
		read: func(_ *Settings, v string) error {
			return oneOf(v, WhenUnavailableDirect, WhenUnavailableCanary)
		}},
	{Key: AnnotationRestart, Kind: KindSetting, Values: "`canary`, `direct`", Default: RestartCanary, Example: RestartDirect,
		Sentence: "What happens to `kubectl rollout restart`: it is held back like any change, or restarts the primary's pods at once.",
		read:     func(_ *Settings, v string) error { return oneOf(v, RestartCanary, RestartDirect) }},
	{Key: AnnotationBypass, Kind: KindSetting, Values: "a time at most an hour ahead, `;`, a reason", Without: "no bypass", Example: "2026-01-02T15:04:05Z; fixes the outage",
		Sentence: "Lets every change straight through until that time."},
}

// service, analysis and canary are the parts of the policy that settings write to.
func (s *Settings) service() *v1alpha1.ServiceSpec { return made(&s.Spec.Service) }

func (s *Settings) analysis() *v1alpha1.AnalysisSpec { return made(&s.Spec.Analysis) }

func (s *Settings) guard() *v1alpha1.Guard { return made(&s.analysis().Guard) }

func (s *Settings) canary() *v1alpha1.CanaryCopySpec { return made(&s.Spec.Canary) }

func made[T any](part **T) *T {
	if *part == nil {
		*part = new(T)
	}
	return *part
}

// listed are the parts of a value between commas.
func listed(value string) []string {
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
