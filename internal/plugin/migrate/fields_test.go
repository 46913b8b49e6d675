package migrate

// verdict is how a field of Flagger compares.
type verdict string

const (
	same          verdict = "same"
	better        verdict = "better"
	notApplicable verdict = "not applicable"
	notYet        verdict = "not yet"
)

// row is one field of Flagger. A path has [] for the entries of a list and {} for the values of a map.
type row struct {
	path string
	// kind is the type of its values: string, integer, number, boolean, list, map, object.
	kind string
	verdict
	// sentence describes the field. For a field that is not applicable, the message of the validation takes its place.
	sentence string
	// values are the words that Flagger allows, if the values are words.
	values []string
}

// table are the fields of one kind of Flagger.
type table struct {
	kind, title string
	// ours is Sluice's kind, and crd is the file of its schema.
	ours, crd string
	rows      []row
}

var tables = []table{
	{"Canary", "Canary", "CanaryPolicy", "sluice.dev_canarypolicies.yaml", canaryRows},
	{"Canary", "Canary.spec.service", "CanaryPolicy", "sluice.dev_canarypolicies.yaml", serviceRows},
	{"Canary", "Canary.spec.analysis", "CanaryPolicy", "sluice.dev_canarypolicies.yaml", analysisRows},
	{"Canary", "Canary.status", "Canary", "sluice.dev_canaries.yaml", statusRows},
	{"MetricTemplate", "MetricTemplate", "MetricTemplate", "sluice.dev_metrictemplates.yaml", templateRows},
	{"AlertProvider", "AlertProvider", "AlertProvider", "sluice.dev_alertproviders.yaml", providerRows},
}

var canaryRows = []row{
	{path: "spec.targetRef", kind: "object", verdict: notApplicable},
	{path: "spec.provider", kind: "string", verdict: notApplicable},
	{path: "spec.metricsServer", kind: "string", verdict: notApplicable},
	{path: "spec.ingressRef", kind: "object", verdict: notApplicable},
	{path: "spec.routeRef", kind: "object", verdict: notApplicable},
	{path: "spec.upstreamRef", kind: "object", verdict: notApplicable},
	{path: "spec.canaryAnalysis", kind: "object", verdict: notApplicable},
	{path: "spec.revertOnDeletion", kind: "boolean", verdict: notApplicable},
	{path: "spec.autoscalerRef.apiVersion", kind: "string", verdict: same, sentence: "Optional: Sluice finds the Deployment's autoscaler. Must fit kind."},
	{path: "spec.autoscalerRef.kind", kind: "string", verdict: same, sentence: "The primary keeps its autoscaler; the canary gets a copy.", values: []string{"HorizontalPodAutoscaler", "ScaledObject"}},
	{path: "spec.autoscalerRef.name", kind: "string", verdict: same, sentence: "The primary's autoscaler."},
	{path: "spec.autoscalerRef.primaryScalerQueries", kind: "map", verdict: better, sentence: "The queries of the copy, which here is the canary's."},
	{path: "spec.autoscalerRef.primaryScalerReplicas.minReplicas", kind: "integer", verdict: better, sentence: "The limits of the copy, which here is the canary's. Default: a share of the primary's."},
	{path: "spec.autoscalerRef.primaryScalerReplicas.maxReplicas", kind: "integer", verdict: better, sentence: "As above."},
	{path: "spec.progressDeadlineSeconds", kind: "integer", verdict: better, sentence: "Applies to everything that a rollout waits for, not only to pods."},
	{path: "spec.skipAnalysis", kind: "boolean", verdict: same, sentence: "Promotes as soon as the canary is ready. Also an annotation of one Deployment."},
	{path: "spec.suspend", kind: "boolean", verdict: better, sentence: "Checks of a running canary continue and can still roll back."},
}

var serviceRows = []row{
	{path: "spec.service.name", kind: "string", verdict: better, sentence: "Optional: Sluice finds the Service that selects the pods and leaves it as it is."},
	{path: "spec.service.port", kind: "integer", verdict: better, sentence: "Needed only if a Service is to be created."},
	{path: "spec.service.portName", kind: "string", verdict: same, sentence: "The name of port. Default http."},
	{path: "spec.service.targetPort", kind: "string", verdict: same, sentence: "A number or a name."},
	{path: "spec.service.appProtocol", kind: "string", verdict: same, sentence: "Applies to the created Service."},
	{path: "spec.service.trafficDistribution", kind: "string", verdict: same, sentence: "Applies to the created Services.", values: []string{"PreferClose", "PreferSameZone", "PreferSameNode"}},
	{path: "spec.service.headless", kind: "boolean", verdict: same, sentence: "Applies to the created Services."},
	{path: "spec.service.portDiscovery", kind: "boolean", verdict: same, sentence: "Adds the other ports of the containers."},
	{path: "spec.service.timeout", kind: "string", verdict: same, sentence: "Applies to the created route. Beside a route of your own, a warning says that it has no effect; so it is for every field of the created route and Service."},
	{path: "spec.service.backendTimeout", kind: "string", verdict: same, sentence: "Applies to the created route."},
	{path: "spec.service.gatewayRefs[].group", kind: "string", verdict: better, sentence: "Needed only if a route is to be created: Sluice finds and keeps existing routes."},
	{path: "spec.service.gatewayRefs[].kind", kind: "string", verdict: same, sentence: "Any kind, including Service and ListenerSet."},
	{path: "spec.service.gatewayRefs[].name", kind: "string", verdict: same, sentence: "The parent."},
	{path: "spec.service.gatewayRefs[].namespace", kind: "string", verdict: same, sentence: "Its namespace."},
	{path: "spec.service.gatewayRefs[].sectionName", kind: "string", verdict: same, sentence: "Its listener."},
	{path: "spec.service.gatewayRefs[].port", kind: "integer", verdict: same, sentence: "Its port."},
	{path: "spec.service.hosts", kind: "list", verdict: same, sentence: "The host names of the created route."},
	{path: "spec.service.match[].name", kind: "string", verdict: same, sentence: "Has no effect; a label for people. A warning says so."},
	{path: "spec.service.match[].uri", kind: "object", verdict: same, sentence: "exact, prefix or regex."},
	{path: "spec.service.match[].method", kind: "object", verdict: same, sentence: "exact only."},
	{path: "spec.service.match[].headers", kind: "map", verdict: better, sentence: "Also prefix and suffix."},
	{path: "spec.service.match[].queryParams", kind: "map", verdict: better, sentence: "Also prefix and suffix."},
	{path: "spec.service.match[].ignoreUriCase", kind: "boolean", verdict: notApplicable},
	{path: "spec.service.match[].withoutHeaders", kind: "object", verdict: notApplicable},
	{path: "spec.service.match[].scheme", kind: "object", verdict: notApplicable},
	{path: "spec.service.match[].authority", kind: "object", verdict: notApplicable},
	{path: "spec.service.match[].port", kind: "integer", verdict: notApplicable},
	{path: "spec.service.match[].gateways", kind: "list", verdict: notApplicable},
	{path: "spec.service.match[].sourceLabels", kind: "map", verdict: notApplicable},
	{path: "spec.service.match[].sourceNamespace", kind: "string", verdict: notApplicable},
	{path: "spec.service.rewrite.uri", kind: "string", verdict: same, sentence: "The new path."},
	{path: "spec.service.rewrite.authority", kind: "string", verdict: same, sentence: "The new host."},
	{path: "spec.service.rewrite.type", kind: "string", verdict: same, sentence: "The part of the path that is replaced.", values: []string{"ReplaceFullPath", "ReplacePrefixMatch"}},
	{path: "spec.service.headers.request.set", kind: "map", verdict: same, sentence: "Request headers that are set."},
	{path: "spec.service.headers.request.add", kind: "map", verdict: same, sentence: "Request headers that are added."},
	{path: "spec.service.headers.request.remove", kind: "list", verdict: same, sentence: "Request headers that are removed."},
	{path: "spec.service.headers.response.set", kind: "map", verdict: same, sentence: "Response headers that are set."},
	{path: "spec.service.headers.response.add", kind: "map", verdict: same, sentence: "Response headers that are added."},
	{path: "spec.service.headers.response.remove", kind: "list", verdict: same, sentence: "Response headers that are removed."},
	{path: "spec.service.mirror[].backendRef", kind: "object", verdict: same, sentence: "Another backend to which all requests are mirrored."},
	{path: "spec.service.corsPolicy.allowOrigin", kind: "list", verdict: same, sentence: "Allowed origins."},
	{path: "spec.service.corsPolicy.allowOrigins[].exact", kind: "string", verdict: better, sentence: "Flagger ignores it on the Gateway API. Origins by prefix, suffix or regex are rejected."},
	{path: "spec.service.corsPolicy.allowMethods", kind: "list", verdict: same, sentence: "Allowed methods."},
	{path: "spec.service.corsPolicy.allowHeaders", kind: "list", verdict: same, sentence: "Allowed request headers."},
	{path: "spec.service.corsPolicy.exposeHeaders", kind: "list", verdict: same, sentence: "Response headers that scripts may read."},
	{path: "spec.service.corsPolicy.maxAge", kind: "string", verdict: better, sentence: "Also in days; an invalid value is rejected."},
	{path: "spec.service.corsPolicy.allowCredentials", kind: "boolean", verdict: same, sentence: "Allows cookies."},
	{path: "spec.service.retries.attempts", kind: "integer", verdict: better, sentence: "Flagger ignores retries on the Gateway API."},
	{path: "spec.service.retries.perTryTimeout", kind: "string", verdict: better, sentence: "As above."},
	{path: "spec.service.retries.retryOn", kind: "string", verdict: better, sentence: "As above; status codes, 5xx, gateway-error and retriable-4xx. Failed connections are always retried. Other conditions are rejected."},
	{path: "spec.service.primaryBackend.backendRef", kind: "object", verdict: better, sentence: "In no release of Flagger."},
	{path: "spec.service.primaryBackend.filters", kind: "list", verdict: better, sentence: "As above."},
	{path: "spec.service.canaryBackend.backendRef", kind: "object", verdict: better, sentence: "As above."},
	{path: "spec.service.canaryBackend.filters", kind: "list", verdict: better, sentence: "As above."},
	{path: "spec.service.apex.labels", kind: "map", verdict: same, sentence: "Applies to the created Service and route."},
	{path: "spec.service.apex.annotations", kind: "map", verdict: same, sentence: "Applies to the created Service and route."},
	{path: "spec.service.primary.labels", kind: "map", verdict: same, sentence: "Applies to the created Service, which is also the primary's."},
	{path: "spec.service.primary.annotations", kind: "map", verdict: same, sentence: "As above."},
	{path: "spec.service.canary.labels", kind: "map", verdict: same, sentence: "Applies to the canary's Service."},
	{path: "spec.service.canary.annotations", kind: "map", verdict: same, sentence: "Applies to the canary's Service."},
	{path: "spec.service.unmanagedMetadata.labels", kind: "list", verdict: better, sentence: "Not needed: labels set by others are always kept. A warning says so."},
	{path: "spec.service.unmanagedMetadata.annotations", kind: "list", verdict: better, sentence: "Not needed: annotations set by others are always kept. A warning says so."},
	{path: "spec.service.trafficPolicy", kind: "object", verdict: notApplicable},
	{path: "spec.service.gateways", kind: "list", verdict: notApplicable},
	{path: "spec.service.delegation", kind: "boolean", verdict: notApplicable},
	{path: "spec.service.meshName", kind: "string", verdict: notApplicable},
	{path: "spec.service.backends", kind: "list", verdict: notApplicable},
}

var analysisRows = []row{
	{path: "spec.analysis.interval", kind: "string", verdict: better, sentence: "Checks are made once in each, as in Flagger, and at the end of a step. At least 1s; Flagger's minimum is 10s. Default 30s instead of 60s."},
	{path: "spec.analysis.threshold", kind: "integer", verdict: same, sentence: "Counts the failed intervals of the whole rollout. The last of them rolls back at once; Flagger does so an interval later. Default 5 instead of 1."},
	{path: "spec.analysis.maxWeight", kind: "number", verdict: better, sentence: "Never exceeded. Fractions of a percent. Default 50 instead of 100."},
	{path: "spec.analysis.stepWeight", kind: "number", verdict: better, sentence: "Fractions of a percent. Each of steps has its own duration."},
	{path: "spec.analysis.stepWeights", kind: "list", verdict: better, sentence: "Fractions of a percent; must rise."},
	{path: "spec.analysis.stepWeightPromotion", kind: "number", verdict: same, sentence: "How requests return to the primary."},
	{path: "spec.analysis.iterations", kind: "integer", verdict: better, sentence: "Can be followed by weights."},
	{path: "spec.analysis.match[].headers", kind: "map", verdict: better, sentence: "Also with weights: testers always reach the canary."},
	{path: "spec.analysis.match[].queryParams", kind: "map", verdict: better, sentence: "As above. Also cookies and method."},
	{path: "spec.analysis.match[].sourceLabels", kind: "map", verdict: notApplicable},
	{path: "spec.analysis.mirror", kind: "boolean", verdict: same, sentence: "With iterations."},
	{path: "spec.analysis.mirrorWeight", kind: "number", verdict: better, sentence: "Also on the Gateway API, and as a ramp with stepMirrorWeight."},
	{path: "spec.analysis.primaryReadyThreshold", kind: "integer", verdict: same, sentence: "In percent of the updated replicas."},
	{path: "spec.analysis.canaryReadyThreshold", kind: "integer", verdict: same, sentence: "In percent of the replicas."},
	{path: "spec.analysis.sessionAffinity.cookieName", kind: "string", verdict: better, sentence: "Also with match and weights."},
	{path: "spec.analysis.sessionAffinity.primaryCookieName", kind: "string", verdict: same, sentence: "Also keeps users at the primary."},
	{path: "spec.analysis.sessionAffinity.maxAge", kind: "integer", verdict: same, sentence: "In seconds. Default: one day."},
	{path: "spec.analysis.sessionAffinity.domain", kind: "string", verdict: same, sentence: "Applies to the cookies."},
	{path: "spec.analysis.sessionAffinity.path", kind: "string", verdict: same, sentence: "Applies to the cookies."},
	{path: "spec.analysis.sessionAffinity.httpOnly", kind: "boolean", verdict: same, sentence: "Applies to the cookies."},
	{path: "spec.analysis.sessionAffinity.secure", kind: "boolean", verdict: same, sentence: "Applies to the cookies."},
	{path: "spec.analysis.sessionAffinity.partitioned", kind: "boolean", verdict: same, sentence: "Applies to the cookies."},
	{path: "spec.analysis.sessionAffinity.sameSite", kind: "string", verdict: same, sentence: "Applies to the cookies.", values: []string{"Strict", "Lax", "None"}},
	{path: "spec.analysis.metrics[].name", kind: "string", verdict: better, sentence: "Must be unique: a second metric of the same name is rejected."},
	{path: "spec.analysis.metrics[].interval", kind: "string", verdict: better, sentence: "How far back the query looks. The default, back to when the check last passed or failed, also applies to templates."},
	{path: "spec.analysis.metrics[].threshold", kind: "number", verdict: same, sentence: "Deprecated; migrate writes thresholdRange."},
	{path: "spec.analysis.metrics[].thresholdRange.min", kind: "number", verdict: better, sentence: "Without data a check is inconclusive, not failed."},
	{path: "spec.analysis.metrics[].thresholdRange.max", kind: "number", verdict: better, sentence: "As above."},
	{path: "spec.analysis.metrics[].query", kind: "string", verdict: same, sentence: "PromQL as a template."},
	{path: "spec.analysis.metrics[].templateRef.name", kind: "string", verdict: same, sentence: "A MetricTemplate."},
	{path: "spec.analysis.metrics[].templateRef.namespace", kind: "string", verdict: same, sentence: "Its namespace."},
	{path: "spec.analysis.metrics[].templateVariables", kind: "map", verdict: same, sentence: "Values for the template."},
	{path: "spec.analysis.webhooks[].type", kind: "string", verdict: same, sentence: "When the hook is called.",
		values: []string{"", "rollout", "confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout", "rollback", "event"}},
	{path: "spec.analysis.webhooks[].name", kind: "string", verdict: better, sentence: "Must be unique: a second hook of the same name is rejected."},
	{path: "spec.analysis.webhooks[].url", kind: "string", verdict: better, sentence: "Every status from 200 to 299 approves."},
	{path: "spec.analysis.webhooks[].timeout", kind: "string", verdict: same, sentence: "Time limit of one attempt. Default 10s."},
	{path: "spec.analysis.webhooks[].retries", kind: "integer", verdict: same, sentence: "After a 5xx or no response."},
	{path: "spec.analysis.webhooks[].muteAlert", kind: "boolean", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.webhooks[].disableTLS", kind: "boolean", verdict: same, sentence: "Does not verify the certificate."},
	{path: "spec.analysis.webhooks[].metadata", kind: "map", verdict: same, sentence: "Added to the request."},
	{path: "spec.analysis.alerts[].name", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.alerts[].severity", kind: "string", verdict: notYet, sentence: "Kept. Without one Flagger never sends; here it means info.", values: []string{"", "info", "warn", "error"}},
	{path: "spec.analysis.alerts[].providerRef.name", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.alerts[].providerRef.namespace", kind: "string", verdict: notYet, sentence: "As above."},
}

var statusRows = []row{
	{path: "status.phase", kind: "string", verdict: same, sentence: "The same values, except Terminating and Terminated, which do not exist here.",
		values: []string{"Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded", "Failed"}},
	{path: "status.failedChecks", kind: "integer", verdict: same, sentence: "Belongs to the running rollout."},
	{path: "status.canaryWeight", kind: "integer", verdict: better, sentence: "Always the weight of the routes, even while a promotion waits."},
	{path: "status.iterations", kind: "integer", verdict: better, sentence: "Counts the rounds of checks of the running rollout, at weights, too; Flagger's counts iterations only."},
	{path: "status.conditions", kind: "list", verdict: better, sentence: "Promoted and others, each with a message and the observed generation."},
	{path: "status.lastTransitionTime", kind: "string", verdict: same, sentence: "When phase or weight last changed."},
}

var templateRows = []row{
	{path: "spec.provider.type", kind: "string", verdict: notYet, sentence: "See providers; keptn and signoz are missing."},
	{path: "spec.provider.address", kind: "string", verdict: better, sentence: "Default of prometheus: the controller's. Others have that of their public API."},
	{path: "spec.provider.headers", kind: "map", verdict: same, sentence: "Added to each request."},
	{path: "spec.provider.secretRef.name", kind: "string", verdict: better, sentence: "Reading Secrets is off until the chart value metricTemplates.secrets allows it, and each Secret needs the label sluice.dev/metric-credentials=true."},
	{path: "spec.provider.region", kind: "string", verdict: better, sentence: "For cloudwatch; with a Prometheus of Amazon, requests are signed for it."},
	{path: "spec.provider.insecureSkipVerify", kind: "boolean", verdict: same, sentence: "Does not verify the certificate."},
	{path: "spec.query", kind: "string", verdict: better, sentence: "The same variables, plus primary. A query with several results, or none, never passes or fails by chance."},
}

var providerRows = []row{
	{path: "spec.type", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet.", values: []string{"slack", "msteams", "discord", "rocket", "gchat"}},
	{path: "spec.channel", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.username", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.address", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.proxy", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.secretRef.name", kind: "string", verdict: notYet, sentence: "As above."},
}
