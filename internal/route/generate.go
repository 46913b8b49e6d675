package route

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// Generate returns the HTTPRoute that the service section of a policy describes, for a Service of this name and port. It
// looks as a user would have written it, with the primary as the only backend; a split is rendered on it like on any other
// route. The errors have the full path in the policy.
func Generate(namespace, serviceName string, port int32, service v1alpha1.ServiceSpec) (*gatewayv1.HTTPRoute, field.ErrorList) {
	path := field.NewPath("spec", "service")
	rule, errs := ruleOf(path, service)
	rule.BackendRefs = []gatewayv1.HTTPBackendRef{primaryBackend(serviceName, port, service)}
	made := &gatewayv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: service.GatewayRefs},
			Hostnames:       service.Hosts,
			Rules:           []gatewayv1.HTTPRouteRule{rule},
		},
	}
	if service.RouteName != nil {
		made.Name = *service.RouteName
	}
	if service.Apex != nil {
		made.Labels, made.Annotations = service.Apex.Labels, service.Apex.Annotations
	}
	return made.DeepCopy(), errs
}

func primaryBackend(name string, port int32, service v1alpha1.ServiceSpec) gatewayv1.HTTPBackendRef {
	if own := service.PrimaryBackend; own != nil {
		return gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: own.BackendRef}, Filters: own.Filters}
	}
	number := gatewayv1.PortNumber(port)
	return gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{
		Name: gatewayv1.ObjectName(name), Port: &number,
	}}}
}

func ruleOf(path *field.Path, service v1alpha1.ServiceSpec) (gatewayv1.HTTPRouteRule, field.ErrorList) {
	var rule gatewayv1.HTTPRouteRule
	matches, errs := MatchesOf(path.Child("match"), service.Match)
	rule.Matches = matches
	filters, problems := filtersOf(path, service)
	rule.Filters = filters
	errs = append(errs, problems...)
	if service.Timeout != nil || service.BackendTimeout != nil || perTry(service) != nil {
		rule.Timeouts = &gatewayv1.HTTPRouteTimeouts{Request: service.Timeout, BackendRequest: service.BackendTimeout}
		if rule.Timeouts.BackendRequest == nil {
			rule.Timeouts.BackendRequest = perTry(service)
		}
	}
	if service.Retries != nil {
		retry, problems := retryOf(path.Child("retries"), *service.Retries)
		rule.Retry = retry
		errs = append(errs, problems...)
	}
	if usesPrefix(service.Rewrite) && len(rule.Matches) != 1 && len(rule.Matches) != 0 {
		errs = append(errs, field.Invalid(path.Child("rewrite", "type"), service.Rewrite.Type,
			"the Gateway API replaces a prefix only in a rule with exactly one match, by prefix; leave one in match, or use ReplaceFullPath"))
	}
	return rule, errs
}

func perTry(service v1alpha1.ServiceSpec) *gatewayv1.Duration {
	if service.Retries == nil {
		return nil
	}
	return service.Retries.PerTryTimeout
}

func usesPrefix(rewrite *v1alpha1.Rewrite) bool {
	return rewrite != nil && rewrite.Type == string(gatewayv1.PrefixMatchHTTPPathModifier)
}

// retryOf converts the retries that the Gateway API can express: how often, and for which status codes.
func retryOf(path *field.Path, retries v1alpha1.Retries) (*gatewayv1.HTTPRouteRetry, field.ErrorList) {
	attempts := int(retries.Attempts)
	result := &gatewayv1.HTTPRouteRetry{Attempts: &attempts}
	codes, err := config.ParseRetryOn(retries.RetryOn)
	if err != nil {
		return result, field.ErrorList{field.Invalid(path.Child("retryOn"), retries.RetryOn, err.Error())}
	}
	for _, code := range codes {
		result.Codes = append(result.Codes, gatewayv1.HTTPRouteRetryStatusCode(code))
	}
	return result, nil
}
