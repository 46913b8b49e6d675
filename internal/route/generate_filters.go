package route

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// filtersOf returns the filters of the generated rule, in a fixed order.
func filtersOf(path *field.Path, service v1alpha1.ServiceSpec) ([]gatewayv1.HTTPRouteFilter, field.ErrorList) {
	var filters []gatewayv1.HTTPRouteFilter
	var errs field.ErrorList
	if headers := service.Headers; headers != nil {
		if headers.Request != nil {
			filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterRequestHeaderModifier, RequestHeaderModifier: headerFilter(*headers.Request)})
		}
		if headers.Response != nil {
			filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterResponseHeaderModifier, ResponseHeaderModifier: headerFilter(*headers.Response)})
		}
	}
	if service.Rewrite != nil {
		filters = append(filters, rewriteFilter(*service.Rewrite))
	}
	for i := range service.Mirror {
		filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: &service.Mirror[i]})
	}
	if service.CorsPolicy != nil {
		cors, problems := corsFilter(path.Child("corsPolicy"), *service.CorsPolicy)
		filters = append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterCORS, CORS: cors})
		errs = append(errs, problems...)
	}
	return filters, errs
}

func headerFilter(operations v1alpha1.HeaderOperations) *gatewayv1.HTTPHeaderFilter {
	list := func(values map[string]string) []gatewayv1.HTTPHeader {
		var headers []gatewayv1.HTTPHeader
		for _, name := range slices.Sorted(maps.Keys(values)) {
			headers = append(headers, gatewayv1.HTTPHeader{Name: gatewayv1.HTTPHeaderName(name), Value: values[name]})
		}
		return headers
	}
	return &gatewayv1.HTTPHeaderFilter{Set: list(operations.Set), Add: list(operations.Add), Remove: operations.Remove}
}

func rewriteFilter(rewrite v1alpha1.Rewrite) gatewayv1.HTTPRouteFilter {
	changed := &gatewayv1.HTTPURLRewriteFilter{}
	if rewrite.Authority != "" {
		host := gatewayv1.PreciseHostname(rewrite.Authority)
		changed.Hostname = &host
	}
	switch {
	case rewrite.URI == "":
	case usesPrefix(&rewrite):
		changed.Path = &gatewayv1.HTTPPathModifier{Type: gatewayv1.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: &rewrite.URI}
	default:
		changed.Path = &gatewayv1.HTTPPathModifier{Type: gatewayv1.FullPathHTTPPathModifier, ReplaceFullPath: &rewrite.URI}
	}
	return gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterURLRewrite, URLRewrite: changed}
}

// corsFilter always sets the max age, because the API server would otherwise fill in a default.
func corsFilter(path *field.Path, policy v1alpha1.CorsPolicy) (*gatewayv1.HTTPCORSFilter, field.ErrorList) {
	result := &gatewayv1.HTTPCORSFilter{AllowCredentials: policy.AllowCredentials, MaxAge: defaultMaxAge}
	var errs field.ErrorList
	for _, origin := range policy.AllowOrigin {
		result.AllowOrigins = append(result.AllowOrigins, gatewayv1.CORSOrigin(origin))
	}
	for i, match := range policy.AllowOrigins {
		origin, err := config.ParseOrigin(match)
		if err != nil {
			errs = append(errs, field.Invalid(path.Child("allowOrigins").Index(i), match, err.Error()))
			continue
		}
		result.AllowOrigins = append(result.AllowOrigins, gatewayv1.CORSOrigin(origin))
	}
	for _, method := range policy.AllowMethods {
		result.AllowMethods = append(result.AllowMethods, gatewayv1.HTTPMethodWithWildcard(method))
	}
	for _, name := range policy.AllowHeaders {
		result.AllowHeaders = append(result.AllowHeaders, gatewayv1.HTTPHeaderName(name))
	}
	for _, name := range policy.ExposeHeaders {
		result.ExposeHeaders = append(result.ExposeHeaders, gatewayv1.HTTPHeaderName(name))
	}
	if policy.MaxAge != "" {
		seconds, err := config.ParseMaxAge(policy.MaxAge)
		if err != nil {
			errs = append(errs, field.Invalid(path.Child("maxAge"), policy.MaxAge, err.Error()))
		}
		result.MaxAge = seconds
	}
	return result, errs
}

// defaultMaxAge is the default of the Gateway API, in seconds.
const defaultMaxAge = 5
