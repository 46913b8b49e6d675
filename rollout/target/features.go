package target

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/pkg/features"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/strategy"
)

// need is a gateway feature without which a part of the policy would do nothing or something else.
type need struct {
	feature features.FeatureName
	// setting is the part of the policy.
	setting string
	needed  func(config.Policy) bool
}

// needs are the features that the Gateway API names. It has no name for matching headers and cookies by regular
// expressions.
var needs = []need{
	{features.SupportHTTPRouteRequestMirror, "mirror", func(p config.Policy) bool { return mirrors(p, 0, 100) }},
	{features.SupportHTTPRouteRequestPercentageMirror, "mirrorWeight below 100", func(p config.Policy) bool { return mirrors(p, 0, 100-config.Finest) }},
	{features.SupportHTTPRouteQueryParamMatching, "match.queryParams", matchesQuery},
	{features.SupportHTTPRouteMethodMatching, "match.method", matchesMethod},
	{features.SupportHTTPRouteResponseHeaderModification, "sessionAffinity", func(p config.Policy) bool { return p.SessionAffinity != nil }},
}

// mirrors reports whether a step mirrors a percentage above one bound and at most another.
func mirrors(p config.Policy, above, most float64) bool {
	return slices.ContainsFunc(strategy.Of(p).Steps(p), func(s strategy.Step) bool { return s.MirrorWeight > above && s.MirrorWeight <= most })
}

func matchesQuery(p config.Policy) bool {
	for _, match := range p.Match {
		if len(match.QueryParams) > 0 {
			return true
		}
	}
	return false
}

func matchesMethod(p config.Policy) bool {
	for _, match := range p.Match {
		if match.Method != nil {
			return true
		}
	}
	return false
}

// findFeatures compares the policy with the features that the classes of all gateways report. For a class that reports
// nothing there is only a warning when a rollout starts.
func findFeatures(target *Target, policy config.Policy, o observed.World) string {
	for _, r := range target.Routes {
		if problem := lacking(r, policy, o); problem != "" {
			return problem
		}
		for _, unknown := range unstated(r, policy, o) {
			if !slices.Contains(target.Unknown, unknown) {
				target.Unknown = append(target.Unknown, unknown)
			}
		}
	}
	return ""
}

// lacking says which feature that the policy needs a gateway of the route does not support; empty when none.
func lacking(r route.Route, policy config.Policy, o observed.World) string {
	for _, gateway := range gatewaysOf(r, o) {
		class := o.ClassOf(gateway)
		for _, n := range needs {
			if !states(class) || !n.needed(policy) {
				continue
			}
			if problem := n.lacks(gateway, class); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// unstated says of which features that the policy needs the gateways of the route say nothing.
func unstated(r route.Route, policy config.Policy, o observed.World) (unknown []string) {
	for _, gateway := range gatewaysOf(r, o) {
		for _, n := range needs {
			if !states(o.ClassOf(gateway)) && n.needed(policy) {
				unknown = append(unknown, fmt.Sprintf("Gateway %s does not say whether it supports %s, which %s needs", gateway, n.feature, n.setting))
			}
		}
	}
	return unknown
}

// gatewaysOf are the gateways of an HTTPRoute. The features of the Gateway API are about no other kind.
func gatewaysOf(r route.Route, o observed.World) []types.NamespacedName {
	if r.Kind != route.HTTP {
		return nil
	}
	return o.GatewaysOf(r)
}

func states(class *gatewayv1.GatewayClass) bool {
	return class != nil && len(class.Status.SupportedFeatures) > 0
}

func (n need) lacks(gateway types.NamespacedName, class *gatewayv1.GatewayClass) string {
	if slices.ContainsFunc(class.Status.SupportedFeatures, func(f gatewayv1.SupportedFeature) bool { return string(f.Name) == string(n.feature) }) {
		return ""
	}
	return fmt.Sprintf("Gateway %s does not support %s, which %s needs (status.supportedFeatures of GatewayClass %s): leave %s out, or use a gateway that supports it",
		gateway, n.feature, n.setting, class.Name, n.setting)
}

// findMatches translates the policy's match to the Gateway API.
func findMatches(target *Target, policy config.Policy, _ observed.World) string {
	matches, errs := route.MatchesOf(field.NewPath("spec", "analysis", "match"), policy.Match)
	if err := errs.ToAggregate(); err != nil {
		return err.Error()
	}
	for _, match := range matches {
		target.Match = append(target.Match, matchOf(match))
	}
	return ""
}

func matchOf(match gatewayv1.HTTPRouteMatch) route.Match {
	var result route.Match
	for _, header := range match.Headers {
		result.Headers = append(result.Headers, valueMatch(string(header.Name), (*string)(header.Type), header.Value))
	}
	for _, param := range match.QueryParams {
		result.QueryParams = append(result.QueryParams, valueMatch(string(param.Name), (*string)(param.Type), param.Value))
	}
	if match.Method != nil {
		result.Method = string(*match.Method)
	}
	if match.Path != nil && match.Path.Type != nil && match.Path.Value != nil {
		result.Path = &route.PathMatch{Type: string(*match.Path.Type), Value: *match.Path.Value}
	}
	return result
}

// valueMatch omits the type if it is the default.
func valueMatch(name string, kind *string, value string) route.ValueMatch {
	match := route.ValueMatch{Name: name, Value: value}
	if kind != nil && *kind != string(gatewayv1.HeaderMatchExact) {
		match.Type = *kind
	}
	return match
}
