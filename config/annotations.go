// Package config is how a rollout is set: the keys of all annotations and labels, and the Policy that annotations make.
// It is pure: values in, values out.
package config

// Annotations that a user writes on a Deployment.
const (
	// AnnotationCanary opts a Deployment in when its value is "true".
	AnnotationCanary = "sluice.dev/canary"
	// AnnotationService names the Service that selects the primary's pods, where there are several.
	AnnotationService = "sluice.dev/service"
	// AnnotationStepWeight is the percentage that each step adds to the canary's weight, 1 to 100, default 10.
	AnnotationStepWeight = "sluice.dev/step-weight"
	// AnnotationMaxWeight is the last weight before promotion in percent, 1 to 100, default 50.
	AnnotationMaxWeight = "sluice.dev/max-weight"
	// AnnotationInterval is how long each step lasts, a Go duration from 1s, default 30s.
	AnnotationInterval = "sluice.dev/interval"
	// AnnotationThreshold is the number of failed checks that rolls back, from 1, default 5.
	AnnotationThreshold = "sluice.dev/threshold"
	// AnnotationProgressDeadline is how long a rollout may wait for the same thing, a Go duration or seconds, default 600s.
	AnnotationProgressDeadline = "sluice.dev/progress-deadline"
	// AnnotationMetrics names the preset of queries in place of the one that fits the gateway.
	AnnotationMetrics = "sluice.dev/metrics"
	// AnnotationMinSuccessRate is the least percentage of requests without a 5xx answer, 0 to 100, default 99.
	AnnotationMinSuccessRate = "sluice.dev/min-success-rate"
	// AnnotationMaxRequestDuration is the longest P99 of request durations, a Go duration, default 500ms.
	AnnotationMaxRequestDuration = "sluice.dev/max-request-duration"
	// AnnotationMinRequests is how many requests a check needs to say anything, from 1, default 10.
	AnnotationMinRequests = "sluice.dev/min-requests"
	// AnnotationIdentityLabels names, separated by commas, the labels of the canary's pods that are rewritten.
	AnnotationIdentityLabels = "sluice.dev/identity-labels"
	// AnnotationSkipAnalysis promotes candidates as soon as their canary is ready, without judging, when it is "true".
	AnnotationSkipAnalysis = "sluice.dev/skip-analysis"
	// AnnotationBypass lets changes straight through until a time that is at most an hour ahead:
	// "<RFC 3339 time>; <reason>".
	AnnotationBypass = "sluice.dev/bypass"
	// AnnotationWhenUnavailable says what becomes of a change while the primary has no available replica: direct, the
	// default, or canary.
	AnnotationWhenUnavailable = "sluice.dev/when-unavailable"
	// AnnotationRestart says what becomes of kubectl rollout restart: canary, the default, or direct.
	AnnotationRestart = "sluice.dev/restart"
)

// Values of AnnotationWhenUnavailable and AnnotationRestart.
const (
	WhenUnavailableDirect = "direct"
	WhenUnavailableCanary = "canary"
	RestartCanary         = "canary"
	RestartDirect         = "direct"
)

// Annotations by which a user asks for something once, on a Deployment.
const (
	// AnnotationAbort, "true", rolls the candidate in flight back. Sluice itself writes the candidate's hash, a space and
	// the name of the user who asked for it in the Canary.
	AnnotationAbort = "sluice.dev/abort"
	// AnnotationRetry, "true", tries a failed or aborted candidate again. Sluice itself writes hash and user as above.
	AnnotationRetry = "sluice.dev/retry"
)

// Annotations that sluice writes.
const (
	// AnnotationCandidate keeps the pod template that is held back, on the Deployment.
	AnnotationCandidate = "sluice.dev/candidate"
	// AnnotationPrevious keeps the template that a promotion replaced, until the promotion has settled.
	AnnotationPrevious = "sluice.dev/previous"
	// AnnotationDirect tells of a change of the template that went straight through, until the reconciler has told of it.
	AnnotationDirect = "sluice.dev/direct"
	// AnnotationPromote asks admission to put in the candidate of this hash.
	AnnotationPromote = "sluice.dev/promote"
	// AnnotationRestore asks admission to put back the previous template of this hash.
	AnnotationRestore = "sluice.dev/restore"
	// AnnotationFail asks admission to mark the candidate of this hash as failed.
	AnnotationFail = "sluice.dev/fail"
	// AnnotationSettle asks admission to forget the previous template, or the direct change, of this hash.
	AnnotationSettle = "sluice.dev/settle"
	// AnnotationSplit states on a route how a primary shares its requests with its canary.
	AnnotationSplit = "sluice.dev/split"
	// AnnotationCohorts states on a route where requests go that the canaries of others have marked.
	AnnotationCohorts = "sluice.dev/cohorts"
)

// Labels, names and values that sluice gives to what it makes.
const (
	// LabelRole is on everything that sluice makes for a canary; its value is RoleCanary.
	LabelRole = "sluice.dev/role"
	// RoleCanary is the value of LabelRole.
	RoleCanary = "canary"
	// LabelPrimary names the primary on everything that sluice makes for it. Values longer than 63 characters are
	// shortened the way workload.LabelValue does it.
	LabelPrimary = "sluice.dev/primary"
	// AnnotationTemplateHash is the hash of the candidate that a canary copy runs, on the copy.
	AnnotationTemplateHash = "sluice.dev/template-hash"
	// Finalizer is on a Canary while a split may be written on a route.
	Finalizer = "sluice.dev/split"
	// FieldManager is the field manager of everything that the reconciler writes.
	FieldManager = "sluice"
)
