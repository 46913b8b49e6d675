package config

// Annotations that a user writes on a Deployment.
const (
	// AnnotationCanary opts a Deployment in when its value is "true".
	AnnotationCanary = "sluice.dev/canary"
	// AnnotationService names the Service that selects the primary's pods, where there are several.
	AnnotationService = "sluice.dev/service"
	// AnnotationPolicy names the CanaryPolicy of the namespace, or the ClusterCanaryPolicy, to roll out by.
	AnnotationPolicy = "sluice.dev/policy"
	// AnnotationRoutes names, separated by commas, the routes that share the requests, as the field service.routes does.
	AnnotationRoutes = "sluice.dev/routes"
	// AnnotationCohort names, separated by commas, the Services of a cohort, as the field service.cohort does.
	AnnotationCohort = "sluice.dev/cohort"
	// AnnotationTraffic is routes, the default, or none for a workload that gets no requests.
	AnnotationTraffic = "sluice.dev/traffic"
	// AnnotationGroup is the name of the group whose members step together.
	AnnotationGroup = "sluice.dev/group"
	// AnnotationSuspend starts no rollout and takes no step while it is "true".
	AnnotationSuspend = "sluice.dev/suspend"
	// AnnotationStepWeight is the percentage that each step adds to the canary's weight, 0 to 100, default 10.
	AnnotationStepWeight = "sluice.dev/step-weight"
	// AnnotationMaxWeight is the last weight before promotion in percent, 0.01 to 100, default 50.
	AnnotationMaxWeight = "sluice.dev/max-weight"
	// AnnotationStepWeights are the weights themselves, separated by commas; a weight can have a duration after @.
	AnnotationStepWeights = "sluice.dev/step-weights"
	// AnnotationStepWeightPromotion is what each interval after promotion adds to the primary's weight, in percent.
	AnnotationStepWeightPromotion = "sluice.dev/step-weight-promotion"
	// AnnotationIterations is the number of intervals before any weight, default 0.
	AnnotationIterations = "sluice.dev/iterations"
	// AnnotationMatch lists, separated by commas, which requests go to the canary regardless of its weight.
	AnnotationMatch = "sluice.dev/match"
	// AnnotationMirror mirrors requests to the canary during the iterations when it is "true".
	AnnotationMirror = "sluice.dev/mirror"
	// AnnotationMirrorWeight is the percentage of requests that is mirrored, default 100.
	AnnotationMirrorWeight = "sluice.dev/mirror-weight"
	// AnnotationHold is how long blue/green keeps all requests at the canary, a Go duration, default the interval.
	AnnotationHold = "sluice.dev/hold"
	// AnnotationDelay is how long a canary that is ready warms up before the first check, a Go duration, default 0s.
	AnnotationDelay = "sluice.dev/delay"
	// AnnotationPrimaryReadyThreshold is the percentage of the primary's updated replicas that must be available, default 100.
	AnnotationPrimaryReadyThreshold = "sluice.dev/primary-ready-threshold"
	// AnnotationCanaryReadyThreshold is the percentage of the canary's replicas that must be available, default 100.
	AnnotationCanaryReadyThreshold = "sluice.dev/canary-ready-threshold"
	// AnnotationCanaryReplicas is proportional, the default, primary, a number or a percentage of the primary's replicas.
	AnnotationCanaryReplicas = "sluice.dev/canary-replicas"
	// AnnotationCanaryAutoscaler is copy, the default, or none.
	AnnotationCanaryAutoscaler = "sluice.dev/canary-autoscaler"
	// AnnotationInterval is how long each step lasts, a duration from 1s, default 30s.
	AnnotationInterval = "sluice.dev/interval"
	// AnnotationThreshold is the number of failed checks that rolls back, from 1, default 5.
	AnnotationThreshold = "sluice.dev/threshold"
	// AnnotationProgressDeadline is how long a rollout may wait for the same thing, a Go duration or seconds, default 600s.
	AnnotationProgressDeadline = "sluice.dev/progress-deadline"
	// AnnotationMetrics names the preset of queries in place of the one that fits the gateway.
	AnnotationMetrics = "sluice.dev/metrics"
	// AnnotationMinSuccessRate is the least percentage of requests that do not fail, 0 to 100, default 99.
	AnnotationMinSuccessRate = "sluice.dev/min-success-rate"
	// AnnotationMaxRequestDuration is the longest P99 of request durations, a Go duration, default 500ms.
	AnnotationMaxRequestDuration = "sluice.dev/max-request-duration"
	// AnnotationMinRequests is the number of requests a check needs to be conclusive, from 1, default 10.
	AnnotationMinRequests = "sluice.dev/min-requests"
	// AnnotationGuard lets the guard judge when it is "true".
	AnnotationGuard = "sluice.dev/guard"
	// AnnotationLadder is auto to let the guard choose the weights.
	AnnotationLadder = "sluice.dev/ladder"
	// AnnotationSLOErrorRate is the percentage of failed requests that a healthy version keeps below, 0.01 to 50, default 1.
	AnnotationSLOErrorRate = "sluice.dev/slo-error-rate"
	// AnnotationOnInconclusive is promote, pause, the default, or rollback.
	AnnotationOnInconclusive = "sluice.dev/on-inconclusive"
	// AnnotationOnSuspicious is pause or rollback, the default.
	AnnotationOnSuspicious = "sluice.dev/on-suspicious"
	// AnnotationIdentityLabels names, separated by commas, the labels of the canary's pods that are rewritten.
	AnnotationIdentityLabels = "sluice.dev/identity-labels"
	// AnnotationMissedPolicies names, as KIND/NAME separated by commas, the policies that may miss the canary; * stands for all.
	AnnotationMissedPolicies = "sluice.dev/missed-policies"
	// AnnotationSkipAnalysis promotes candidates as soon as their canary is ready, without judging, when it is "true".
	AnnotationSkipAnalysis = "sluice.dev/skip-analysis"
	// AnnotationBypass lets changes straight through until a time that is at most an hour ahead:
	// "<RFC 3339 time>; <reason>".
	AnnotationBypass = "sluice.dev/bypass"
	// AnnotationUnavailableAfter is how long the primary must have been unavailable before a change goes to it without a
	// canary, a Go duration or seconds, at least 30s, default 60s.
	AnnotationUnavailableAfter = "sluice.dev/unavailable-after"
	// AnnotationWhenUnavailable says what happens to a change while the primary is unavailable: direct, the default, or
	// canary.
	AnnotationWhenUnavailable = "sluice.dev/when-unavailable"
	// AnnotationRestart says what happens to kubectl rollout restart: canary, the default, or direct.
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
	// AnnotationAbort, "true", rolls the candidate in flight back. Sluice itself writes the candidate's ID, a space and the
	// name of the user who requested it in the Canary.
	AnnotationAbort = "sluice.dev/abort"
	// AnnotationRetry, "true", tries a failed or aborted candidate again. Sluice itself writes ID and user as above.
	AnnotationRetry = "sluice.dev/retry"
	// AnnotationReset, "true", forgets the candidate, in flight or failed. Sluice itself writes ID and user as above. On a
	// Canary it asks for the same.
	AnnotationReset = "sluice.dev/reset"
)

// Annotations that Sluice writes.
const (
	// AnnotationCandidate keeps the pod template that is held back, on the Deployment.
	AnnotationCandidate = "sluice.dev/candidate"
	// AnnotationPrevious keeps the template that a promotion replaced, until the promotion has settled.
	AnnotationPrevious = "sluice.dev/previous"
	// AnnotationDirect records changes of the template that went straight through, until the reconciler has reported them.
	AnnotationDirect = "sluice.dev/direct"
	// AnnotationLeftOut records who sent a manifest without the opt-in together with another template, until somebody asks for
	// the opt-in again.
	AnnotationLeftOut = "sluice.dev/left-out"
	// AnnotationPromote asks admission to put in this candidate. The value is its ID: its whole hash, its attempt and when it was
	// requested.
	AnnotationPromote = "sluice.dev/promote"
	// AnnotationLetThrough asks admission to put in this candidate without a promotion, because the primary serves nobody.
	AnnotationLetThrough = "sluice.dev/let-through"
	// AnnotationRestore asks admission to put back the previous template. The value is its hash, with the attempt and the time of the
	// candidate that replaced it.
	AnnotationRestore = "sluice.dev/restore"
	// AnnotationFail asks admission to mark this candidate as failed.
	AnnotationFail = "sluice.dev/fail"
	// AnnotationSettle asks admission to forget this previous template, or this direct change and those before it.
	AnnotationSettle = "sluice.dev/settle"
	// AnnotationSplit states on a route how primaries share their requests with their canaries.
	AnnotationSplit = "sluice.dev/split"
	// AnnotationCohorts states on a route where it sends requests that the canaries of other Deployments have marked.
	AnnotationCohorts = "sluice.dev/cohorts"
)

// Labels, names and values that Sluice gives to what it makes, or looks for.
const (
	// LabelRole is on everything that Sluice makes: RoleCanary on what there is for a canary, RoleControl on what there is for a
	// control, RoleGenerated on what stays.
	LabelRole = "sluice.dev/role"
	// RoleCanary is the value of LabelRole.
	RoleCanary = "canary"
	// RoleControl is the value of LabelRole on a control.
	RoleControl = "baseline"
	// LabelPrimary names the primary on everything that Sluice makes for it. Values longer than 63 characters are
	// shortened the way workload.LabelValue does it.
	LabelPrimary = "sluice.dev/primary"
	// LabelManagedBy says, on everything that Sluice makes, that Sluice manages it: its value is FieldManager.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelCredentials is what a user writes on a Secret, with the value "true", to let MetricTemplates of its namespace use it.
	LabelCredentials = "sluice.dev/metric-credentials"
	// AnnotationPorts is a hash of the ports that Sluice wrote, on the canary's Service.
	AnnotationPorts = "sluice.dev/ports"
	// AnnotationTemplateHash is the ID of the candidate that a canary runs, on the canary.
	AnnotationTemplateHash = "sluice.dev/template-hash"
	// AnnotationRequestedBy is the user who requested the template that a canary runs, on the canary. It is on the primary while the
	// record of a template that Sluice has put in is kept.
	AnnotationRequestedBy = "sluice.dev/requested-by"
	// RoleGenerated is the value of LabelRole on Services and routes that Sluice has generated for a primary, and of the grants
	// for them.
	RoleGenerated = "generated"
	// AnnotationGenerated is the hash of what was generated, on a generated Service or route.
	AnnotationGenerated = "sluice.dev/generated"
	// AnnotationGeneratedFor is the namespace and the name of the Deployment for which a grant in another namespace was generated.
	AnnotationGeneratedFor = "sluice.dev/generated-for"
	// Finalizer is on a Canary while a split may be written on a route.
	Finalizer = "sluice.dev/split"
	// FieldManager is the field manager of everything that the reconciler writes.
	FieldManager = "sluice"
	// AuthorManager is the field manager of a dry run for which the API server does not call Sluice's webhooks for Deployments: the
	// cluster's policies judge it as if the Deployment were not opted in. A dry run stores nothing, so everybody may send one.
	AuthorManager = "sluice-as-author"
)
