package admission

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// TestTheSchemaOfWhatChecksAndAlertsName creates objects with a spec. Those that are refused say why.
func TestTheSchemaOfWhatChecksAndAlertsName(t *testing.T) {
	c := newCluster(t)
	number := 0
	for kind, rows := range map[string]map[string]struct{ spec, says string }{
		"MetricTemplate": {
			"a query":                {"query: up", ""},
			"Prometheus elsewhere":   {"query: up, provider: {type: prometheus, address: 'https://prometheus.test:9090/path', secretRef: {name: a}, headers: {X-Scope-OrgID: [a]}}", ""},
			"without a region":       {"query: up, provider: {region: ''}", ""},
			"no query":               {"query: ''", "spec.query"},
			"another provider":       {"query: up, provider: {type: other}", `spec.provider.type: Invalid value: "other": must be prometheus, http, datadog`},
			"a region":               {"query: up, provider: {type: graphite, address: 'https://a', region: eu-west-1}", "region: only cloudwatch, and prometheus at Amazon, have regions"},
			"Datadog":                {"query: 'avg:a{*}', provider: {type: datadog, secretRef: {name: a}}", ""},
			"no credentials":         {"query: 'avg:a{*}', provider: {type: datadog}", "secretRef: servers of this type need credentials; name a Secret"},
			"Graphite":               {"query: target=a, provider: {type: graphite, address: 'https://a'}", ""},
			"no address":             {"query: target=a, provider: {type: graphite}", "address: servers of this type have no usual address; set it"},
			"CloudWatch":             {"query: '[]', provider: {type: cloudwatch, region: eu-west-1, secretRef: {name: a}}", ""},
			"nowhere":                {"query: '[]', provider: {type: cloudwatch, secretRef: {name: a}}", "region: cloudwatch needs one, such as eu-west-1"},
			"any JSON":               {"query: '?a=b', provider: {type: http, address: 'https://a', http: {jsonPath: '{.a}'}}", ""},
			"another method":         {"query: '?a=b', provider: {type: http, address: 'https://a', http: {method: PUT, jsonPath: '{.a}'}}", `supported values: "GET", "POST"`},
			"no path":                {"query: '?a=b', provider: {type: http, address: 'https://a'}", "http: type http needs http.jsonPath"},
			"a path elsewhere":       {"query: up, provider: {http: {jsonPath: '{.a}'}}", "http: only type http has it"},
			"credentials in it":      {"query: up, provider: {address: 'http://jane:secret@prometheus'}", "spec.provider.address"},
			"16384 bytes of headers": {fmt.Sprintf("query: up, provider: {headers: {a: [%s], b: [%s]}}", strings.Repeat("v", 8191), strings.Repeat("v", 8191)), ""},
			"more than that":         {fmt.Sprintf("query: up, provider: {headers: {a: [%s], b: [%s, v]}}", strings.Repeat("v", 8191), strings.Repeat("v", 8191)), "headers: all names and values together must have at most 16384 characters"},
			"17 values of a header":  {"query: up, provider: {headers: {a: [" + strings.Repeat("v, ", 16) + "v]}}", "spec.provider.headers.a: Too many: 17"},
			"no HTTP":                {"query: up, provider: {address: 'unix:///prometheus'}", "spec.provider.address"},
			"a Secret of no name":    {"query: up, provider: {secretRef: {name: ''}}", "spec.provider.secretRef.name"},
		},
		"AlertProvider": {
			"an address":      {"type: slack, address: 'https://hooks.test/a', channel: on-call, username: sluice", ""},
			"a Secret":        {"type: msteams, secretRef: {name: a}", ""},
			"both":            {"type: slack, address: 'https://hooks.test/a', secretRef: {name: a}", "must have either address or secretRef"},
			"neither":         {"type: slack", "must have either address or secretRef"},
			"an unknown type": {"type: pager, address: 'https://hooks.test/a'", `supported values: "slack", "msteams", "discord", "rocket", "gchat"`},
		},
		"ClusterCanaryPolicy": {
			"limits elsewhere": {"limits: {maxThreshold: 3}", "limits apply to every Deployment: only the ClusterCanaryPolicy named default can have them"},
		},
		"CanaryPolicy": {
			"limits":                   {"limits: {maxThreshold: 3}", `unknown field "spec.limits"`},
			"a built-in check":         {"analysis: {metrics: [{name: request-success-rate}]}", ""},
			"its older limit":          {"analysis: {metrics: [{name: request-duration, threshold: 500}]}", ""},
			"a query of one's own":     {"analysis: {metrics: [{name: own, query: up, thresholdRange: {min: 0, max: 0}}]}", ""},
			"a template":               {"analysis: {metrics: [{name: own, templateRef: {name: a, namespace: b}, thresholdRange: {max: 1}, templateVariables: {a: b}}]}", ""},
			"a query of built-in name": {"analysis: {metrics: [{name: request-duration, query: up, threshold: 1}]}", ""},
			"neither query nor ref":    {"analysis: {metrics: [{name: own, thresholdRange: {max: 1}}]}", "must have query or templateRef: only request-success-rate and request-duration are built in"},
			"both query and ref":       {"analysis: {metrics: [{name: own, query: up, templateRef: {name: a}, thresholdRange: {max: 1}}]}", "must have only one of query and templateRef"},
			"no limits":                {"analysis: {metrics: [{name: own, query: up}]}", "must have thresholdRange, ratioRange or condition: a query has no default range"},
			"an empty range":           {"analysis: {metrics: [{name: own, query: up, thresholdRange: {}}]}", "must have min, max or both"},
			"a range upside down":      {"analysis: {metrics: [{name: own, query: up, thresholdRange: {min: 2, max: 1}}]}", "min must not be greater than max"},
			"an interval of nothing":   {"analysis: {metrics: [{name: request-duration, interval: soon}]}", "spec.analysis.metrics[0].interval"},
			"a ref without a name":     {"analysis: {metrics: [{name: own, templateRef: {name: ''}, thresholdRange: {max: 1}}]}", "spec.analysis.metrics[0].templateRef.name"},
		},
	} {
		for name, row := range rows {
			number++
			manifest := fmt.Sprintf("apiVersion: sluice.dev/v1alpha1\nkind: %s\nmetadata: {name: object-%d}\nspec: {%s}\n", kind, number, row.spec)
			t.Run(kind+" with "+name, func(t *testing.T) {
				out, err := c.in(t).run(manifest, "create", "--validate=strict", "-f", "-")
				if (err == nil) != (row.says == "") || !strings.Contains(out, row.says) {
					t.Errorf("got %s, which is not %q", out, row.says)
				}
			})
		}
	}
}

// TestWhoMayWritePolicies checks the roles that are aggregated to view and to edit. What may hold a token is not for view.
func TestWhoMayWritePolicies(t *testing.T) {
	for role, may := range map[string]map[string]bool{
		"sluice-view":     {"get": false, "list": false, "watch": false, "create": false, "patch": false, "delete": false},
		"sluice-policies": {"create": true, "update": true, "patch": true, "delete": true, "get": true, "list": true, "watch": true},
	} {
		t.Run(role, func(t *testing.T) {
			c := newCluster(t)
			c.grant(role)
			for _, resource := range []string{"canarypolicies", "metrictemplates", "alertproviders"} {
				for verb, allowed := range may {
					NewWithT(t).Eventually(func() bool {
						_, err := c.Run(operator, "", "kubectl", "auth", "can-i", verb, resource+".sluice.dev")
						return err == nil
					}, patience, glance).Should(Equal(allowed), "%s %s", verb, resource)
				}
			}
		})
	}
}
