package route

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
)

// MatchesOf converts a policy's matches to those of the Gateway API. The order of the result does not depend on the order of
// maps, so the same policy always gives the same route. The errors name what the Gateway API cannot express.
func MatchesOf(path *field.Path, matches []v1alpha1.HTTPMatch) ([]gatewayv1.HTTPRouteMatch, field.ErrorList) {
	var found []gatewayv1.HTTPRouteMatch
	var errs field.ErrorList
	for i, match := range matches {
		converted, problems := matchOf(path.Index(i), match)
		found, errs = append(found, converted), append(errs, problems...)
	}
	return found, errs
}

func matchOf(path *field.Path, match v1alpha1.HTTPMatch) (gatewayv1.HTTPRouteMatch, field.ErrorList) {
	var result gatewayv1.HTTPRouteMatch
	var errs field.ErrorList
	if match.URI != nil {
		result.Path = pathMatch(*match.URI)
		if match.URI.Suffix != "" {
			errs = append(errs, field.Invalid(path.Child("uri", "suffix"), match.URI.Suffix, "a path can be matched by exact, prefix or regex; write it as a regex"))
		}
	}
	if match.Method != nil {
		method := gatewayv1.HTTPMethod(match.Method.Exact)
		result.Method = &method
		if match.Method.Exact == "" {
			errs = append(errs, field.Required(path.Child("method", "exact"), "the Gateway API matches one whole method, such as GET"))
		}
	}
	var problems field.ErrorList
	result.Headers, problems = headerMatches(path, match)
	errs = append(errs, problems...)
	for _, name := range slices.Sorted(maps.Keys(match.QueryParams)) {
		kind, value := valueMatch(match.QueryParams[name])
		matched := gatewayv1.QueryParamMatchType(kind)
		result.QueryParams = append(result.QueryParams, gatewayv1.HTTPQueryParamMatch{Name: gatewayv1.HTTPHeaderName(name), Type: &matched, Value: value})
	}
	return result, errs
}

// headerMatches expresses cookies as what they are: a part of the header Cookie. A header can be matched only once.
func headerMatches(path *field.Path, match v1alpha1.HTTPMatch) ([]gatewayv1.HTTPHeaderMatch, field.ErrorList) {
	var found []gatewayv1.HTTPHeaderMatch
	var errs field.ErrorList
	seen := map[string]bool{}
	add := func(at *field.Path, name string, kind gatewayv1.HeaderMatchType, value string) {
		if seen[strings.ToLower(name)] {
			errs = append(errs, field.Invalid(at, name, "the Gateway API can match the header "+name+" only once, and cookies are in the header Cookie; write both as one regex"))
		}
		seen[strings.ToLower(name)] = true
		found = append(found, gatewayv1.HTTPHeaderMatch{Name: gatewayv1.HTTPHeaderName(name), Type: &kind, Value: value})
	}
	for _, name := range slices.Sorted(maps.Keys(match.Headers)) {
		kind, value := valueMatch(match.Headers[name])
		add(path.Child("headers").Key(name), name, gatewayv1.HeaderMatchType(kind), value)
	}
	for _, name := range slices.Sorted(maps.Keys(match.Cookies)) {
		add(path.Child("cookies").Key(name), "cookie", gatewayv1.HeaderMatchRegularExpression, cookiePattern(name, "(?:"+pattern(match.Cookies[name], inCookie)+")"))
	}
	return found, errs
}

// cookiePattern returns a regular expression for the header Cookie that matches a cookie of this name, and not one whose name
// or value only contains it. The value is a regular expression. The pattern works for gateways that match a part of the header
// and for those that match all of it.
func cookiePattern(name, value string) string {
	return `^(?:.*;)?\s*` + regexp.QuoteMeta(name) + "=" + value + `\s*(?:;.*)?$`
}

// valueMatch returns the type and the value of a match. A match that is neither exact nor a regular expression becomes a
// regular expression.
func valueMatch(match v1alpha1.StringMatch) (kind, value string) {
	switch {
	case match.Regex != "":
		return string(gatewayv1.HeaderMatchRegularExpression), match.Regex
	case match.Prefix != "" || match.Suffix != "":
		return string(gatewayv1.HeaderMatchRegularExpression), "^" + pattern(match, inHeader) + "$"
	}
	return string(gatewayv1.HeaderMatchExact), match.Exact
}

// What the rest of a value can be: a cookie ends before the next one.
const (
	inHeader = ".*"
	inCookie = "[^;]*"
)

// pattern returns a match as a regular expression without anchors.
func pattern(match v1alpha1.StringMatch, rest string) string {
	switch {
	case match.Regex != "":
		return match.Regex
	case match.Prefix != "":
		return regexp.QuoteMeta(match.Prefix) + rest
	case match.Suffix != "":
		return rest + regexp.QuoteMeta(match.Suffix)
	}
	return regexp.QuoteMeta(match.Exact)
}

func pathMatch(match v1alpha1.StringMatch) *gatewayv1.HTTPPathMatch {
	kind, value := gatewayv1.PathMatchExact, match.Exact
	switch {
	case match.Prefix != "":
		kind, value = gatewayv1.PathMatchPathPrefix, match.Prefix
	case match.Regex != "":
		kind, value = gatewayv1.PathMatchRegularExpression, match.Regex
	}
	return &gatewayv1.HTTPPathMatch{Type: &kind, Value: &value}
}
