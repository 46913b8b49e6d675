package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"sluice.dev/sluice/api/v1alpha1"
)

// Shown returns a policy as the status of a Canary shows it. More people can read the status than the policy, so hooks have only the
// scheme and host of their URLs, and no metadata.
func Shown(spec v1alpha1.PolicySpec) v1alpha1.PolicySpec {
	if spec.Analysis == nil || len(spec.Analysis.Webhooks) == 0 {
		return spec
	}
	shown := *spec.DeepCopy()
	for i := range shown.Analysis.Webhooks {
		hook := &shown.Analysis.Webhooks[i]
		hook.URL, hook.Metadata = shownURL(hook.URL), nil
	}
	return shown
}

// shownURL returns the scheme and host of a URL: user, password, path and query may each be a secret.
func shownURL(text string) string {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" {
		return "(not shown)"
	}
	return address.Scheme + "://" + address.Host + "/"
}

// secretKeys are the endings of query parameters whose values are probably secrets.
var secretKeys = []string{"auth", "credential", "credentials", "key", "passwd", "password", "pwd", "secret", "sig", "signature", "token"}

// HookAdvice says that the URL of a hook contains a secret, which everyone who can read the policy can see; empty if it does not.
func HookAdvice(hook v1alpha1.Webhook) string {
	what := ""
	address, err := url.Parse(hook.URL)
	switch {
	case err != nil:
		return ""
	case address.User != nil:
		what = "a user or a password"
	default:
		what = secretIn(address.Query())
	}
	if what == "" {
		return ""
	}
	return fmt.Sprintf("its URL contains %s, which everyone who can read the policy can see: restrict access to the receiver with a NetworkPolicy, "+
		"or send to a relay that holds the secret, and remove it from the URL", what)
}

// secretIn names the first key of a query whose value looks like a secret; empty for none.
func secretIn(query url.Values) string {
	var found []string
	for key := range query {
		word := strings.ToLower(strings.TrimRightFunc(key, func(r rune) bool { return !unicode.IsLetter(r) }))
		if slices.ContainsFunc(secretKeys, func(end string) bool { return strings.HasSuffix(word, end) }) {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("the query parameter %q", slices.Min(found))
}
