package route

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// generated are the service sections of policies. testdata/generated has the route that follows from each.
var generated = map[string]string{
	"a host at a gateway": `
hosts: [www.example.com]
gatewayRefs: [{name: gateway, namespace: istio-ingress}]
`,
	"any kind of parent, with its listener": `
gatewayRefs:
  - {group: "", kind: Service, name: shop, port: 80}
  - {kind: ListenerSet, name: shops, namespace: infra, sectionName: https}
`,
	"a name, labels and annotations of its own": `
routeName: front-door
apex: {labels: {team: shop}, annotations: {example.com/owner: jane}}
gatewayRefs: [{name: gateway}]
`,
	"matches by all that the Gateway API knows": `
gatewayRefs: [{name: gateway}]
match:
  - uri: {prefix: /shop}
    method: {exact: GET}
    headers: {x-b: {exact: one}, x-a: {regex: ".*two.*"}, x-c: {prefix: thr.e}, x-d: {suffix: four}}
    queryParams: {page: {exact: "1"}, beta: {regex: "yes|no"}}
  - uri: {exact: /health}
  - uri: {regex: "/v[0-9]+/.*"}
    cookies: {type: {exact: insider}}
`,
	"a rewrite of the whole path and the host": `
gatewayRefs: [{name: gateway}]
rewrite: {uri: /v2, authority: shop.internal}
`,
	"a rewrite of the prefix": `
gatewayRefs: [{name: gateway}]
match: [{uri: {prefix: /shop}}]
rewrite: {uri: /, type: ReplacePrefixMatch}
`,
	"headers of requests and answers": `
gatewayRefs: [{name: gateway}]
headers:
  request: {set: {x-b: "2", x-a: "1"}, add: {x-c: "3"}, remove: [x-d]}
  response: {set: {x-f: "6"}, add: {x-e: "5"}, remove: [x-g]}
`,
	"the policy of the walk-through for browsers of other origins": `
gatewayRefs: [{name: gateway}]
corsPolicy:
  allowOrigin: ["https://foo.example", "http://foo.example"]
  allowMethods: [GET, PUT, POST, DELETE, PATCH, OPTIONS]
  allowCredentials: true
  allowHeaders: [Keep-Alive, User-Agent, Authorization]
  exposeHeaders: [X-Count]
  maxAge: 24h
`,
	"a policy for browsers without a time": `
gatewayRefs: [{name: gateway}]
corsPolicy: {allowOrigins: [{exact: "https://*.example.com"}], maxAge: 1d}
`,
	"timeouts, retries and permanent copies": `
gatewayRefs: [{name: gateway}]
timeout: 15s
retries: {attempts: 3, perTryTimeout: 2s, retryOn: "gateway-error,429"}
mirror: [{backendRef: {name: archive, port: 80}}]
`,
	"conditions of Flagger, of which some mean the same": `
gatewayRefs: [{name: gateway}]
retries: {attempts: 3, perTryTimeout: 1s, retryOn: "gateway-error,connect-failure,refused-stream,5xx,503"}
`,
	"a timeout of the backend": `
gatewayRefs: [{name: gateway}]
timeout: 15s
backendTimeout: 2s
`,
	"a backend with filters of its own": `
gatewayRefs: [{name: gateway}]
primaryBackend:
  backendRef: {name: shop, port: 80}
  filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {add: [{name: X-Primary-Backend, value: "true"}]}
`,
}

func serviceOf(t *testing.T, text string) v1alpha1.ServiceSpec {
	t.Helper()
	var service v1alpha1.ServiceSpec
	if err := yaml.UnmarshalStrict([]byte(text), &service); err != nil {
		t.Fatal(err)
	}
	return service
}

func TestGenerate(t *testing.T) {
	for name, text := range generated {
		t.Run(name, func(t *testing.T) {
			made, problems := Generate("test", "shop", 80, serviceOf(t, text))
			if len(problems) > 0 {
				t.Fatal(problems.ToAggregate())
			}
			made.APIVersion, made.Kind = "gateway.networking.k8s.io/v1", HTTP
			content, err := yaml.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "generated", strings.ReplaceAll(name, " ", "-")+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(content)); diff != "" {
				t.Error(diff)
			}
			for range 20 {
				again, _ := Generate("test", "shop", 80, serviceOf(t, text))
				again.TypeMeta = made.TypeMeta
				if diff := cmp.Diff(made, again); diff != "" {
					t.Fatalf("the same policy makes another route: %s", diff)
				}
			}
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, field, wrong string }{
		"a path by its end":                         {`match: [{uri: {suffix: .html}}]`, "spec.service.match[0].uri.suffix", "write it as a regex"},
		"a method by its beginning":                 {`match: [{method: {prefix: P}}]`, "spec.service.match[0].method.exact", "one whole method"},
		"two cookies at once":                       {`match: [{cookies: {a: {exact: "1"}, b: {exact: "2"}}}]`, "spec.service.match[0].cookies[b]", "only once"},
		"a cookie besides the header Cookie":        {`match: [{headers: {Cookie: {exact: a=1}}, cookies: {b: {exact: "2"}}}]`, "spec.service.match[0].cookies[b]", "only once"},
		"an origin by a regular expression":         {`corsPolicy: {allowOrigins: [{regex: ".*"}]}`, "spec.service.corsPolicy.allowOrigins[0]", "whole origins"},
		"a time that is none":                       {`corsPolicy: {maxAge: soon}`, "spec.service.corsPolicy.maxAge", "such as 24h or 1d"},
		"a prefix that several matches do not have": {`{match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], rewrite: {uri: /, type: ReplacePrefixMatch}}`, "spec.service.rewrite.type", "exactly one match"},
		"a condition that only Envoy knows":         {`retries: {retryOn: "5xx,cancelled"}`, "spec.service.retries.retryOn", "cancelled does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Generate("test", "shop", 80, serviceOf(t, c.text))
			if len(problems) != 1 || problems[0].Field != c.field || !strings.Contains(problems[0].Error(), c.wrong) {
				t.Errorf("got %v, not %q at %s", problems, c.wrong, c.field)
			}
		})
	}
}

func TestAdmissionAcceptsTheAgesThatARouteCanHave(t *testing.T) {
	for value, seconds := range map[string]int32{
		"24h": 86400, "1d": 86400, "9999d": 863913600, "239976h": 863913600, "1h30m": 5400, "1m2s": 62, "3600s": 3600, "1s": 1,
		"1.5d": 0, "1.5h": 0, "-1h": 0, "500ms": 0, "1500ms": 0, "0s": 0, "0d": 0, "-1d": 0, "1h1d": 0, "10000d": 0, "239977h": 0, "86400": 0, "soon": 0, "d": 0,
	} {
		t.Run(value, func(t *testing.T) {
			spec := v1alpha1.PolicySpec{Service: &v1alpha1.ServiceSpec{CorsPolicy: &v1alpha1.CorsPolicy{MaxAge: value}}}
			admitted := policy.Validate(spec)
			cors, refused := corsFilter(field.NewPath("spec", "service", "corsPolicy"), *spec.Service.CorsPolicy)
			if seconds > 0 {
				if len(admitted)+len(refused) > 0 || cors.MaxAge != seconds {
					t.Errorf("got %v, %v, %d", admitted, refused, cors.MaxAge)
				}
				return
			}
			want := fmt.Sprintf("spec.service.corsPolicy.maxAge: Invalid value: %q: must be at least 1s in whole days, hours, minutes or seconds, such as 24h or 1d", value)
			for _, errs := range []field.ErrorList{admitted, refused} {
				if len(errs) != 1 || errs[0].Error() != want {
					t.Errorf("got %v, not %s", errs, want)
				}
			}
		})
	}
}
