package config

import (
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// Policy is how to roll out one Deployment: the effective policy, parsed. The fields of v1alpha1.PolicySpec with the same names
// describe its values.
type Policy struct {
	// Service is the name of the primary's Service; empty to find it by its selector.
	Service string
	// Routes are the routes that share the requests; empty for all that have the Service as a backend.
	Routes []RouteRef
	// Cohort are the Services whose canaries get the requests that came through this canary.
	Cohort Cohort
	// Traffic says whether the workload gets requests at all.
	Traffic v1alpha1.Traffic
	// Suspend starts no rollout, takes no step and promotes nothing.
	Suspend bool
	// Group is the name of the group whose members step together; empty for none.
	Group string

	// StepWeight is added to the canary's weight in each step, in percent; 0 for no such steps.
	StepWeight float64
	// MaxWeight is the weight of the last step, in percent, 0.01 to 100.
	MaxWeight float64
	// StepWeights are the weights in place of StepWeight, in percent, rising.
	StepWeights []float64
	// ExplicitSteps are weights with their own durations, in place of StepWeight and StepWeights.
	ExplicitSteps []Step
	// StepWeightPromotion is what each interval after promotion adds to the primary's weight, in percent; 0 for all at once.
	StepWeightPromotion float64
	// Iterations is the number of intervals before any weight.
	Iterations int32
	// Hold is how long blue/green keeps all requests at the canary before promotion.
	Hold time.Duration
	// Delay is how long a canary that is ready warms up before the first check.
	Delay time.Duration
	// Match selects the requests that go to the canary regardless of its weight.
	Match []v1alpha1.HTTPMatch
	// Mirror mirrors requests to the canary during the iterations.
	Mirror bool
	// MirrorWeight, StepMirrorWeight and MaxMirrorWeight are percentages of the requests.
	MirrorWeight, StepMirrorWeight, MaxMirrorWeight float64
	// SessionAffinity keeps users at a version by cookies; nil for none.
	SessionAffinity *v1alpha1.SessionAffinity

	// Interval is how long each step or iteration lasts, at least a second.
	Interval time.Duration
	// Threshold is the number of failed checks that rolls back, at least 1.
	Threshold int32
	// ProgressDeadline is how long the rollout may wait for the same thing.
	ProgressDeadline time.Duration
	// UnavailableAfter is how long the primary must have been unavailable before a change goes to it without a canary.
	UnavailableAfter time.Duration
	// PrimaryReadyThreshold and CanaryReadyThreshold are the percentages of replicas that must be available to be ready.
	PrimaryReadyThreshold, CanaryReadyThreshold int32

	// Guard is how the guard judges.
	Guard Guard
	// Preset has the queries of the built-in checks; empty to choose by the gateway.
	Preset Preset
	// FailedStatuses are the HTTP statuses of failed requests, such as 5xx and 429; empty for 5xx.
	FailedStatuses []string
	// MinSuccessRate is the least percentage of requests that do not fail.
	MinSuccessRate float64
	// MaxRequestDuration is the longest P99 of the request durations.
	MaxRequestDuration time.Duration
	// MinRequests is the number of requests a check needs to be conclusive.
	MinRequests float64
	// Checks are the metrics of the policy; empty if they are just the built-in checks with MinSuccessRate and MaxRequestDuration.
	Checks []v1alpha1.Metric
	// Hooks are the webhooks of the policy.
	Hooks []v1alpha1.Webhook

	// Canary is how the canary differs from the primary.
	Canary CanaryOverrides
	// Autoscaler names the primary's autoscaler; nil to find it.
	Autoscaler *v1alpha1.AutoscalerRef
	// Generated is the Service and the route to make where there are none, and the metadata of the canary's Service; nil if the
	// policy has no service.
	Generated *v1alpha1.ServiceSpec

	// IdentityLabels are the label keys to rewrite on the canary's pods; empty to choose the fewest that are needed.
	IdentityLabels []string
	// MissedPolicies are the policies that may miss the canary, as KIND/NAME, or * for all.
	MissedPolicies []string
	// SkipAnalysis promotes a candidate as soon as its canary is ready.
	SkipAnalysis bool
}

// Step is one planned split and how long it lasts.
type Step struct {
	// Weight of the canary in percent, 0 to 100 with at most two decimals.
	Weight float64
	// Mirror is the percentage of requests that is mirrored to the canary, 0 to 100.
	Mirror float64
	// Duration of the step; 0 for the interval of the policy.
	Duration time.Duration
}

// CanaryOverrides are how the canary differs from the primary.
type CanaryOverrides struct {
	// Replicas is how many the canary has.
	Replicas Replicas
	// Autoscaler tells whether the canary gets a copy of the primary's autoscaler.
	Autoscaler bool
	// Template is a strategic merge patch over the candidate's pod template, as JSON; nil for none.
	Template []byte
}

// Replicas is how many replicas the canary has. Without any value they are in proportion to its weight.
type Replicas struct {
	// Number of replicas, from 1; 0 for no number.
	Number int32
	// Percent of the primary's replicas, 1 to 100; 0 for no percentage.
	Percent float64
}

// RouteRef names a route.
type RouteRef struct {
	// Kind is HTTPRoute or GRPCRoute.
	Kind string
	// Namespace of the route; empty for that of the Deployment.
	Namespace string
	// Name of the route.
	Name string
}

// Cohort says which requests are marked, and which Services look at the mark.
type Cohort struct {
	// Header is the name of the mark; empty without members.
	Header string
	// Members are the Services that look at it.
	Members []CohortMember
}

// CohortMember is a Service that sends marked requests elsewhere.
type CohortMember struct {
	// Service gets the requests.
	Service string
	// Target is the Service that gets the marked ones; empty for that of the Service's canary.
	Target string
}

// OptedIn reports whether a Deployment with these annotations is opted in.
func OptedIn(annotations map[string]string) bool {
	return annotations[AnnotationCanary] == "true"
}
