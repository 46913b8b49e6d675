package config

import (
	"math"
	"regexp"
	"time"
)

// FullWeight is the weight, in percent, at which the canary gets all requests.
const FullWeight = 100

// Finest is the smallest weight, in percent, and the least by which two differ.
const Finest = 0.01

// Bounds of values, which the schema of policies has too.
const (
	// mostSteps is how many steps, iterations included, a rollout has at most: all of them are in the status of its Canary, which
	// the API server refuses beyond about a megabyte.
	mostSteps     = 500
	mostFailures  = 1000000
	mostRequests  = 1000000000
	mostDeadline  = 31536000
	mostListed    = 100
	mostHooks     = 50
	mostMatches   = 16
	mostCookieAge = 34560000
	shortestStep  = time.Second
)

var (
	tokenName    = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	replicas     = regexp.MustCompile(`^(Proportional|Primary|[1-9][0-9]{0,4}|([1-9][0-9]?|100)%)$`)
	routeName    = regexp.MustCompile(`^((HTTPRoute|GRPCRoute)/)?([a-z0-9.-]+/)?[a-z0-9.-]+$`)
	cohortMember = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?(=[a-z]([-a-z0-9]{0,61}[a-z0-9])?)?$`)
)

// Values of canary.replicas and canary.autoscaler, and kinds of routes.
const (
	replicasProportional = "Proportional"
	replicasPrimary      = "Primary"
	autoscalerCopy       = "Copy"
	autoscalerNone       = "None"
	kindHTTPRoute        = "HTTPRoute"
	kindGRPCRoute        = "GRPCRoute"
)

const (
	routeNameHelp    = "must be HTTPRoute/name, GRPCRoute/name or HTTPRoute/namespace/name"
	cohortMemberHelp = "must be the name of a Service, or service=target with the Service that gets the requests"
	tokenHelp        = "must be a name of letters, digits and - or _, without spaces"
)

// isFine reports whether a percentage is a whole number of hundredths.
func isFine(percent float64) bool {
	const rounding = 1e-6
	return math.Abs(percent*100-math.Round(percent*100)) < rounding
}
