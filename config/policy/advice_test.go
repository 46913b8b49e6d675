package policy

import (
	"fmt"
	"slices"
	"testing"
)

func TestAdviceOf(t *testing.T) {
	const dialect = ", which may refuse the route or match nothing by it: correct it, unless your gateway has another dialect"
	const unseen = "spec.analysis.webhooks[1]: if it sends test requests to the canary's Service, the gateway does not count them, so neither the guard nor the built-in checks judge them " +
		"during the iterations: set analysis.preset: app, which measures the pods, add checks with queries, or let the hook refuse when its test fails"
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"no analysis": {"{}", nil},
		"no alerts":   {"analysis: {}", nil},
		"alerts": {"analysis: {alerts: [{name: on-call, providerRef: {name: a}}, {name: team, providerRef: {name: a}}]}",
			[]string{"spec.analysis.alerts: this release sends no alerts (on-call, team): use a webhook of type event in spec.analysis.webhooks instead"}},
		"a header by what is no regular expression": {`analysis: {match: [{headers: {a: {exact: "("}}}, {headers: {user: {regex: "("}}}]}`,
			[]string{"spec.analysis.match[1].headers[user].regex: \"(\" cannot be read as RE2, the dialect of most gateways (missing closing ): `(`)" + dialect}},
		"what other dialects have": {`analysis: {match: [{cookies: {id: {regex: "(?=a)"}}}]}`,
			[]string{"spec.analysis.match[0].cookies[id].regex: \"(?=a)\" cannot be read as RE2, the dialect of most gateways (invalid or unsupported Perl syntax: `(?=`)" + dialect}},
		"a path and a parameter of the generated route": {`service: {match: [{uri: {regex: "/[a"}, queryParams: {q: {regex: "*"}}}]}`,
			[]string{"spec.service.match[0].uri.regex: \"/[a\" cannot be read as RE2, the dialect of most gateways (missing closing ]: `[a`)" + dialect,
				"spec.service.match[0].queryParams[q].regex: \"*\" cannot be read as RE2, the dialect of most gateways (missing argument to repetition operator: `*`)" + dialect}},
		"tests that the gateway does not see":        {"analysis: {iterations: 5, webhooks: [{name: gate, type: confirm-rollout, url: 'http://a'}, {name: load, url: 'http://a'}]}", []string{unseen}},
		"tests that the gateway does not see, named": {"analysis: {iterations: 5, preset: traefik, metrics: [{name: request-duration}], webhooks: [{name: gate, type: event, url: 'http://a'}, {name: load, type: rollout, url: 'http://a'}]}", []string{unseen}},
		"tests that the pods see":                    {"analysis: {iterations: 5, preset: app, webhooks: [{name: load, url: 'http://a'}]}", nil},
		"tests that queries see":                     {"analysis: {iterations: 5, metrics: [{name: own, query: up, thresholdRange: {max: 1}}], webhooks: [{name: load, url: 'http://a'}]}", nil},
		"requests of users during the iterations":    {"analysis: {iterations: 5, match: [{headers: {a: {exact: b}}}], webhooks: [{name: load, url: 'http://a'}]}", nil},
		"load through the gateway":                   {"analysis: {stepWeight: 5, webhooks: [{name: load, url: 'http://a'}]}", nil},
		"regular expressions that can be read":       {`analysis: {match: [{headers: {user: {regex: "^(a|b).*$"}}, cookies: {id: {regex: "[0-9]+"}}}]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specOf(t, c.spec)
			var got []string
			for _, advice := range AdviceOf(spec) {
				got = append(got, fmt.Sprint(advice))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, not %q", got, c.want)
			}
			if errs := Validate(spec); len(errs) > 0 {
				t.Errorf("it is rejected: %v", errs)
			}
		})
	}
}

func TestEffectiveAdvice(t *testing.T) {
	own := Own{Service: "Service shop", Route: "HTTPRoute shop"}
	const everything = "service: {name: shop, port: 80, portName: web, gatewayRefs: [{name: a}], timeout: 15s, retries: {attempts: 1}, apex: {labels: {a: b}}, canary: {labels: {a: b}}}"
	for name, c := range map[string]struct {
		spec string
		own  Own
		want []string
	}{
		"nothing": {"{}", own, nil},
		"what describes a route and a Service that are the user's": {everything, own, []string{
			"spec.service: no effect of gatewayRefs, timeout and retries: HTTPRoute shop is yours and stays as you wrote it; set the same there, or leave it out",
			"spec.service: no effect of port and portName: Service shop is yours and stays as you wrote it; set the same there, or leave it out",
			"spec.service: no effect of apex: Sluice creates no Service and no route here; leave it out"}},
		"the port of the backends of a created route": {everything, Own{Service: "Service shop"}, []string{
			"spec.service: no effect of portName: Service shop is yours and stays as you wrote it; set the same there, or leave it out"}},
		"what describes objects that are created": {everything, Own{}, nil},
		"what describes objects that nobody asks for": {"service: {timeout: 15s, headless: true, apex: {labels: {a: b}}}", Own{}, []string{
			"spec.service: no effect of timeout: without gatewayRefs Sluice creates no route; set gatewayRefs, or set the same in a route of your own",
			"spec.service: no effect of headless: without port Sluice creates no Service; set port, or set the same in a Service of your own",
			"spec.service: no effect of apex: Sluice creates no Service and no route here; leave it out"}},
		"a worker whose requests would be split": {"{traffic: None, service: {routes: [a], canary: {labels: {a: b}}, gatewayRefs: [{name: a}]}}", Own{}, []string{
			"spec.service: no effect of routes, canary and gatewayRefs: with traffic: None no requests are split; leave it out, or set traffic: Routes"}},
		"a mark that nobody looks at":    {"service: {cohortHeader: x-next}", own, []string{"spec.service.cohortHeader: has no effect without cohort; set cohort, or remove it"}},
		"a hold of a canary release":     {"analysis: {hold: 1m, stepWeight: 10}", own, []string{"spec.analysis.hold: has no effect: only blue/green holds, which is iterations without match and without weights; remove it"}},
		"a hold of blue/green":           {"analysis: {hold: 1m, iterations: 2}", own, nil},
		"the greatest of listed weights": {"analysis: {maxWeight: 60, stepWeights: [50]}", own, []string{"spec.analysis.maxWeight: has no effect without stepWeight; remove it, or set stepWeight"}},
		"limits of a copy that nobody makes": {"{canary: {autoscaler: None}, autoscalerRef: {kind: HorizontalPodAutoscaler, name: a, primaryScalerReplicas: {minReplicas: 2}}}", own,
			[]string{"spec.autoscalerRef.primaryScalerReplicas: has no effect with canary.autoscaler: None; remove one of them"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := specOf(t, c.spec)
			var got []string
			for _, advice := range EffectiveAdvice(spec, c.own) {
				got = append(got, fmt.Sprint(advice))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, not %q", got, c.want)
			}
			if errs := Validate(spec); len(errs) > 0 {
				t.Errorf("it is rejected: %v", errs)
			}
		})
	}
}

func TestAdmittedAdviceSaysWhenFieldsApply(t *testing.T) {
	var got []string
	for _, advice := range AdmittedAdvice(specOf(t, "service: {port: 80, gatewayRefs: [{name: a}], timeout: 15s, canary: {labels: {a: b}}}")) {
		got = append(got, fmt.Sprint(advice))
	}
	want := []string{"spec.service: only a route that Sluice creates follows gatewayRefs and timeout: beside a route of your own, set the same there",
		"spec.service: only a Service that Sluice creates follows port: beside a Service of your own, set the same there"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, not %q", got, want)
	}
}
