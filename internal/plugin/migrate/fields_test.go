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
	// sentence says what there is to know; for what is not applicable, the message of the validation stands in its place.
	sentence string
	// values are all that Flagger allows, where these are words.
	values []string
}

// table are the fields of one kind of Flagger.
type table struct {
	kind, title string
	// ours is our kind, and crd the file of its schema.
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
	{path: "spec.autoscalerRef.apiVersion", kind: "string", verdict: same, sentence: "Can be left out: the autoscaler of the Deployment is found."},
	{path: "spec.autoscalerRef.kind", kind: "string", verdict: same, sentence: "The primary keeps its autoscaler as it is; the canary gets a copy.", values: []string{"HorizontalPodAutoscaler", "ScaledObject"}},
	{path: "spec.autoscalerRef.name", kind: "string", verdict: same, sentence: "The autoscaler of the primary."},
	{path: "spec.autoscalerRef.primaryScalerQueries", kind: "map", verdict: better, sentence: "The queries of the copy, which is the canary's here."},
	{path: "spec.autoscalerRef.primaryScalerReplicas.minReplicas", kind: "integer", verdict: better, sentence: "Of the copy, which is the canary's here; without it a share of the primary's."},
	{path: "spec.autoscalerRef.primaryScalerReplicas.maxReplicas", kind: "integer", verdict: better, sentence: "As above."},
	{path: "spec.progressDeadlineSeconds", kind: "integer", verdict: better, sentence: "Holds for everything that a rollout waits for, not for pods alone."},
	{path: "spec.skipAnalysis", kind: "boolean", verdict: same, sentence: "Promotes as soon as the canary is ready. Also as an annotation of one Deployment."},
	{path: "spec.suspend", kind: "boolean", verdict: better, sentence: "A canary that runs goes on being checked and can still be rolled back."},
}

var serviceRows = []row{
	{path: "spec.service.name", kind: "string", verdict: better, sentence: "Can be left out: the Service that selects the pods is found and stays as it is."},
	{path: "spec.service.port", kind: "integer", verdict: better, sentence: "Only needed where a Service is to be made."},
	{path: "spec.service.portName", kind: "string", verdict: same, sentence: "The name of that port, http by default."},
	{path: "spec.service.targetPort", kind: "string", verdict: same, sentence: "A number or a name."},
	{path: "spec.service.appProtocol", kind: "string", verdict: same, sentence: "Of the Service that is made."},
	{path: "spec.service.trafficDistribution", kind: "string", verdict: same, sentence: "Of the Services that are made.", values: []string{"PreferClose", "PreferSameZone", "PreferSameNode"}},
	{path: "spec.service.headless", kind: "boolean", verdict: same, sentence: "Of the Services that are made."},
	{path: "spec.service.portDiscovery", kind: "boolean", verdict: same, sentence: "The other ports of the containers too."},
	{path: "spec.service.timeout", kind: "string", verdict: same, sentence: "Of the route that is made."},
	{path: "spec.service.backendTimeout", kind: "string", verdict: same, sentence: "Of the route that is made."},
	{path: "spec.service.gatewayRefs[].group", kind: "string", verdict: better, sentence: "Only needed where a route is to be made: routes that exist are found and kept."},
	{path: "spec.service.gatewayRefs[].kind", kind: "string", verdict: same, sentence: "Any kind, also Service and ListenerSet."},
	{path: "spec.service.gatewayRefs[].name", kind: "string", verdict: same, sentence: "The parent."},
	{path: "spec.service.gatewayRefs[].namespace", kind: "string", verdict: same, sentence: "Its namespace."},
	{path: "spec.service.gatewayRefs[].sectionName", kind: "string", verdict: same, sentence: "Its listener."},
	{path: "spec.service.gatewayRefs[].port", kind: "integer", verdict: same, sentence: "Its port."},
	{path: "spec.service.hosts", kind: "list", verdict: same, sentence: "The host names of the route that is made."},
	{path: "spec.service.match[].name", kind: "string", verdict: same, sentence: "Of no effect, for people."},
	{path: "spec.service.match[].uri", kind: "object", verdict: same, sentence: "exact, prefix or regex."},
	{path: "spec.service.match[].method", kind: "object", verdict: same, sentence: "exact only."},
	{path: "spec.service.match[].headers", kind: "map", verdict: better, sentence: "prefix and suffix too."},
	{path: "spec.service.match[].queryParams", kind: "map", verdict: better, sentence: "prefix and suffix too."},
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
	{path: "spec.service.rewrite.type", kind: "string", verdict: same, sentence: "What of the path is replaced.", values: []string{"ReplaceFullPath", "ReplacePrefixMatch"}},
	{path: "spec.service.headers.request.set", kind: "map", verdict: same, sentence: "Request headers that are set."},
	{path: "spec.service.headers.request.add", kind: "map", verdict: same, sentence: "Request headers that are added."},
	{path: "spec.service.headers.request.remove", kind: "list", verdict: same, sentence: "Request headers that are removed."},
	{path: "spec.service.headers.response.set", kind: "map", verdict: same, sentence: "Answer headers that are set."},
	{path: "spec.service.headers.response.add", kind: "map", verdict: same, sentence: "Answer headers that are added."},
	{path: "spec.service.headers.response.remove", kind: "list", verdict: same, sentence: "Answer headers that are removed."},
	{path: "spec.service.mirror[].backendRef", kind: "object", verdict: same, sentence: "Another backend that gets copies of all requests."},
	{path: "spec.service.corsPolicy.allowOrigin", kind: "list", verdict: same, sentence: "Origins."},
	{path: "spec.service.corsPolicy.allowOrigins[].exact", kind: "string", verdict: better, sentence: "Flagger ignores it on the Gateway API. regex and suffix are rejected."},
	{path: "spec.service.corsPolicy.allowOrigins[].prefix", kind: "string", verdict: better, sentence: "As above."},
	{path: "spec.service.corsPolicy.allowMethods", kind: "list", verdict: same, sentence: "Methods."},
	{path: "spec.service.corsPolicy.allowHeaders", kind: "list", verdict: same, sentence: "Request headers."},
	{path: "spec.service.corsPolicy.exposeHeaders", kind: "list", verdict: same, sentence: "Answer headers that scripts may read."},
	{path: "spec.service.corsPolicy.maxAge", kind: "string", verdict: better, sentence: "In days too; what cannot be read is rejected."},
	{path: "spec.service.corsPolicy.allowCredentials", kind: "boolean", verdict: same, sentence: "Cookies and the like."},
	{path: "spec.service.retries.attempts", kind: "integer", verdict: better, sentence: "Flagger ignores retries on the Gateway API."},
	{path: "spec.service.retries.perTryTimeout", kind: "string", verdict: better, sentence: "As above."},
	{path: "spec.service.retries.retryOn", kind: "string", verdict: better, sentence: "As above: status codes and 5xx."},
	{path: "spec.service.primaryBackend.backendRef", kind: "object", verdict: better, sentence: "Part of no release of Flagger."},
	{path: "spec.service.primaryBackend.filters", kind: "list", verdict: better, sentence: "As above."},
	{path: "spec.service.canaryBackend.backendRef", kind: "object", verdict: better, sentence: "As above."},
	{path: "spec.service.canaryBackend.filters", kind: "list", verdict: better, sentence: "As above."},
	{path: "spec.service.apex.labels", kind: "map", verdict: same, sentence: "Of the Service and the route that are made."},
	{path: "spec.service.apex.annotations", kind: "map", verdict: same, sentence: "Of the Service and the route that are made."},
	{path: "spec.service.primary.labels", kind: "map", verdict: same, sentence: "Of the Service that is made, which is the primary's too."},
	{path: "spec.service.primary.annotations", kind: "map", verdict: same, sentence: "As above."},
	{path: "spec.service.canary.labels", kind: "map", verdict: same, sentence: "Of the canary's Service."},
	{path: "spec.service.canary.annotations", kind: "map", verdict: same, sentence: "Of the canary's Service."},
	{path: "spec.service.unmanagedMetadata.labels", kind: "list", verdict: same, sentence: "Not needed: labels of others are always kept."},
	{path: "spec.service.unmanagedMetadata.annotations", kind: "list", verdict: same, sentence: "Not needed: annotations of others are always kept."},
	{path: "spec.service.trafficPolicy", kind: "object", verdict: notApplicable},
	{path: "spec.service.gateways", kind: "list", verdict: notApplicable},
	{path: "spec.service.delegation", kind: "boolean", verdict: notApplicable},
	{path: "spec.service.meshName", kind: "string", verdict: notApplicable},
	{path: "spec.service.backends", kind: "list", verdict: notApplicable},
}

var analysisRows = []row{
	{path: "spec.analysis.interval", kind: "string", verdict: better, sentence: "From 1s on, where Flagger's least is 10s. Default 30s in place of 60s."},
	{path: "spec.analysis.threshold", kind: "integer", verdict: same, sentence: "Failed checks of the whole rollout. Default 5 in place of 1."},
	{path: "spec.analysis.maxWeight", kind: "number", verdict: better, sentence: "Never exceeded; fractions of a percent. Default 50 in place of 100."},
	{path: "spec.analysis.stepWeight", kind: "number", verdict: better, sentence: "Fractions of a percent. steps have durations of their own."},
	{path: "spec.analysis.stepWeights", kind: "list", verdict: better, sentence: "Fractions of a percent; must rise."},
	{path: "spec.analysis.stepWeightPromotion", kind: "number", verdict: same, sentence: "How the primary gets its requests back."},
	{path: "spec.analysis.iterations", kind: "integer", verdict: better, sentence: "Can be followed by weights."},
	{path: "spec.analysis.match[].headers", kind: "map", verdict: better, sentence: "Together with weights too: testers always at the canary."},
	{path: "spec.analysis.match[].queryParams", kind: "map", verdict: better, sentence: "As above. cookies and method can be matched as well."},
	{path: "spec.analysis.match[].sourceLabels", kind: "map", verdict: notApplicable},
	{path: "spec.analysis.mirror", kind: "boolean", verdict: same, sentence: "With iterations."},
	{path: "spec.analysis.mirrorWeight", kind: "number", verdict: better, sentence: "On the Gateway API too, and as a ramp: stepMirrorWeight."},
	{path: "spec.analysis.primaryReadyThreshold", kind: "integer", verdict: same, sentence: "Percent of the updated replicas."},
	{path: "spec.analysis.canaryReadyThreshold", kind: "integer", verdict: same, sentence: "Percent of the replicas."},
	{path: "spec.analysis.sessionAffinity.cookieName", kind: "string", verdict: better, sentence: "Together with match and weights."},
	{path: "spec.analysis.sessionAffinity.primaryCookieName", kind: "string", verdict: same, sentence: "Keeps users at the primary too."},
	{path: "spec.analysis.sessionAffinity.maxAge", kind: "integer", verdict: same, sentence: "Seconds, a day by default."},
	{path: "spec.analysis.sessionAffinity.domain", kind: "string", verdict: same, sentence: "Of the cookies."},
	{path: "spec.analysis.sessionAffinity.path", kind: "string", verdict: same, sentence: "Of the cookies."},
	{path: "spec.analysis.sessionAffinity.httpOnly", kind: "boolean", verdict: same, sentence: "Of the cookies."},
	{path: "spec.analysis.sessionAffinity.secure", kind: "boolean", verdict: same, sentence: "Of the cookies."},
	{path: "spec.analysis.sessionAffinity.partitioned", kind: "boolean", verdict: same, sentence: "Of the cookies."},
	{path: "spec.analysis.sessionAffinity.sameSite", kind: "string", verdict: same, sentence: "Of the cookies.", values: []string{"Strict", "Lax", "None"}},
	{path: "spec.analysis.metrics[].name", kind: "string", verdict: same, sentence: "Each name once."},
	{path: "spec.analysis.metrics[].interval", kind: "string", verdict: better, sentence: "The default holds for templates too."},
	{path: "spec.analysis.metrics[].threshold", kind: "number", verdict: same, sentence: "The old way; migrate writes thresholdRange."},
	{path: "spec.analysis.metrics[].thresholdRange.min", kind: "number", verdict: better, sentence: "Without data a check is inconclusive, not failed."},
	{path: "spec.analysis.metrics[].thresholdRange.max", kind: "number", verdict: better, sentence: "As above."},
	{path: "spec.analysis.metrics[].query", kind: "string", verdict: same, sentence: "PromQL as a template."},
	{path: "spec.analysis.metrics[].templateRef.name", kind: "string", verdict: same, sentence: "A MetricTemplate."},
	{path: "spec.analysis.metrics[].templateRef.namespace", kind: "string", verdict: same, sentence: "Its namespace."},
	{path: "spec.analysis.metrics[].templateVariables", kind: "map", verdict: same, sentence: "Values for the template."},
	{path: "spec.analysis.webhooks[].type", kind: "string", verdict: same, sentence: "When it is asked.",
		values: []string{"", "rollout", "confirm-rollout", "pre-rollout", "confirm-traffic-increase", "confirm-promotion", "post-rollout", "rollback", "event"}},
	{path: "spec.analysis.webhooks[].name", kind: "string", verdict: same, sentence: "Each name once."},
	{path: "spec.analysis.webhooks[].url", kind: "string", verdict: better, sentence: "Every status from 200 to 299 is a yes."},
	{path: "spec.analysis.webhooks[].timeout", kind: "string", verdict: same, sentence: "Of one attempt, 10s by default."},
	{path: "spec.analysis.webhooks[].retries", kind: "integer", verdict: same, sentence: "After a 5xx or no answer."},
	{path: "spec.analysis.webhooks[].muteAlert", kind: "boolean", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.webhooks[].disableTLS", kind: "boolean", verdict: same, sentence: "Does not verify the certificate."},
	{path: "spec.analysis.webhooks[].metadata", kind: "map", verdict: same, sentence: "Sent along."},
	{path: "spec.analysis.alerts[].name", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.alerts[].severity", kind: "string", verdict: notYet, sentence: "Kept. Without one Flagger never sends; here it means info.", values: []string{"", "info", "warn", "error"}},
	{path: "spec.analysis.alerts[].providerRef.name", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet."},
	{path: "spec.analysis.alerts[].providerRef.namespace", kind: "string", verdict: notYet, sentence: "As above."},
}

var statusRows = []row{
	{path: "status.phase", kind: "string", verdict: same, sentence: "The same words, but for Terminating and Terminated, which nothing here has.",
		values: []string{"Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded", "Failed"}},
	{path: "status.failedChecks", kind: "integer", verdict: same, sentence: "Of the running rollout."},
	{path: "status.canaryWeight", kind: "integer", verdict: better, sentence: "Always that of the routes, also while a promotion waits."},
	{path: "status.iterations", kind: "integer", verdict: same, sentence: "Of the running rollout."},
	{path: "status.conditions", kind: "list", verdict: better, sentence: "Promoted, and more, with a sentence each and the generation that they are about."},
	{path: "status.lastTransitionTime", kind: "string", verdict: same, sentence: "When phase or weight last changed."},
}

var templateRows = []row{
	{path: "spec.provider.type", kind: "string", verdict: notYet, sentence: "prometheus only; Flagger has ten more."},
	{path: "spec.provider.address", kind: "string", verdict: better, sentence: "Can be left out for the controller's Prometheus."},
	{path: "spec.provider.headers", kind: "map", verdict: same, sentence: "Added to each request."},
	{path: "spec.provider.secretRef.name", kind: "string", verdict: better, sentence: "Reading Secrets is off until the chart value metricTemplates.secrets allows it, and each Secret needs the label sluice.dev/metric-credentials=true."},
	{path: "spec.provider.region", kind: "string", verdict: notYet, sentence: "Goes with CloudWatch."},
	{path: "spec.provider.insecureSkipVerify", kind: "boolean", verdict: same, sentence: "Does not verify the certificate."},
	{path: "spec.query", kind: "string", verdict: better, sentence: "The same variables, and primary. A query with several results, or none, never passes or fails by chance."},
}

var providerRows = []row{
	{path: "spec.type", kind: "string", verdict: notYet, sentence: "Kept; no alerts are sent yet.", values: []string{"slack", "msteams", "discord", "rocket", "gchat"}},
	{path: "spec.channel", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.username", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.address", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.proxy", kind: "string", verdict: notYet, sentence: "As above."},
	{path: "spec.secretRef.name", kind: "string", verdict: notYet, sentence: "As above."},
}
