package policy_test

import (
	"strings"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

func withHook(hook v1alpha1.Webhook) v1alpha1.PolicySpec {
	return v1alpha1.PolicySpec{Analysis: &v1alpha1.AnalysisSpec{Webhooks: []v1alpha1.Webhook{hook}}}
}

func TestShown(t *testing.T) {
	for name, c := range map[string]struct{ url, want string }{
		"a host alone":                        {"http://loadtester.test", "http://loadtester.test/"},
		"a port stays":                        {"http://loadtester.test:8080/", "http://loadtester.test:8080/"},
		"user and password":                   {"https://otto:s3cret@gate.test/", "https://gate.test/"},
		"a query":                             {"https://gate.test/?token=s3cret", "https://gate.test/"},
		"a path, which receivers use as well": {"https://hooks.test/services/s3cret", "https://hooks.test/"},
		"a fragment":                          {"https://gate.test/#s3cret", "https://gate.test/"},
		"what is no URL":                      {"s3cret", "(not shown)"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := withHook(v1alpha1.Webhook{Name: "gate", Type: v1alpha1.HookRollback, URL: c.url, Metadata: map[string]string{"token": "s3cret"}})
			shown := policy.Shown(spec).Analysis.Webhooks[0]
			if shown.URL != c.want || shown.Metadata != nil || shown.Name != "gate" || shown.Type != v1alpha1.HookRollback {
				t.Errorf("got %+v", shown)
			}
			if spec.Analysis.Webhooks[0].URL != c.url || spec.Analysis.Webhooks[0].Metadata == nil {
				t.Error("the policy itself was changed")
			}
		})
	}
	if got := policy.Shown(v1alpha1.PolicySpec{}); got.Analysis != nil {
		t.Errorf("an empty policy is shown as %+v", got)
	}
}

func TestNoErrorShowsASecretOfAURL(t *testing.T) {
	for _, url := range []string{"ftp://otto:s3cret@gate.test/s3cret?token=s3cret", "https://otto:s3cret@/", "https://gate.test/%zz?s3cret"} {
		errs := policy.Validate(withHook(v1alpha1.Webhook{Name: "gate", URL: url})).ToAggregate()
		if errs == nil || strings.Contains(errs.Error(), "s3cret") || !strings.Contains(errs.Error(), "spec.analysis.webhooks[0].url") {
			t.Errorf("%s: %v", url, errs)
		}
	}
}

func TestHookAdvice(t *testing.T) {
	for name, c := range map[string]struct{ url, want string }{
		"nothing secret":             {"https://gate.test/check?team=shop&monkeys=3", ""},
		"a password":                 {"https://otto:s3cret@gate.test/", "its URL contains a user or a password, which everyone who can read the policy can see"},
		"a token":                    {"https://gate.test/?access_token=s3cret", `its URL contains the query parameter "access_token"`},
		"a key in capitals":          {"https://gate.test/?team=shop&apiKey=s3cret", `its URL contains the query parameter "apiKey"`},
		"a signature with a number":  {"https://gate.test/?sig2=s3cret", `its URL contains the query parameter "sig2"`},
		"what cannot be read at all": {"https://gate.test/%zz", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := policy.HookAdvice(v1alpha1.Webhook{URL: c.url})
			if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") || strings.Contains(got, "s3cret") {
				t.Errorf("got %q", got)
			}
		})
	}
}
