package policy

import (
	"fmt"
	"slices"
	"testing"
)

func TestAdviceOf(t *testing.T) {
	const dialect = ", which may refuse the route or match nothing by it: correct it, unless your gateway has another dialect"
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
		"regular expressions that can be read": {`analysis: {match: [{headers: {user: {regex: "^(a|b).*$"}}, cookies: {id: {regex: "[0-9]+"}}}]}`, nil},
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
