package counters

import (
	"fmt"
	"strings"
)

// Failures are the failed requests with one status code and one route.
type Failures struct {
	// Code is the status code, such as 503, or that of gRPC, such as gRPC 14.
	Code string
	// Route is the route as the metrics name it. Empty if they do not.
	Route    string
	Requests float64
}

const (
	// mostKinds is how many kinds of failures of a poll are told apart. The others only count as errors.
	mostKinds = 32
	// longestRoute is how many bytes of a route are shown: an app may name it as it likes.
	longestRoute = 100
)

// failing returns the kind of the failed requests that a series counts; zero if its status is no number or word of gRPC.
func failing(code, route string) Failures {
	if !strings.HasPrefix(code, "gRPC ") && strings.Trim(code, "0123456789") != "" {
		return Failures{}
	}
	return Failures{Code: code, Route: strings.ToValidUTF8(route[:min(len(route), longestRoute)], "")}
}

// addFailures adds failed requests to their kind.
func (i *Increments) addFailures(of Failures, requests float64) {
	if of.Code == "" {
		return
	}
	for at := range i.Failures {
		if known := &i.Failures[at]; known.Code == of.Code && known.Route == of.Route {
			known.Requests += requests
			return
		}
	}
	if len(i.Failures) < mostKinds {
		of.Requests = requests
		i.Failures = append(i.Failures, of)
	}
}

// MostFailed says what more than half of the failed requests have in common, such as status 503 on route "checkout"; empty if they have
// nothing in common that the metrics know.
func (i *Increments) MostFailed() string {
	codes := map[string]float64{}
	for _, f := range i.Failures {
		if f.Route != "" && f.Requests > i.Errors/2 {
			return fmt.Sprintf("status %s on route %q", f.Code, f.Route)
		}
		codes[f.Code] += f.Requests
	}
	for code, requests := range codes {
		if requests > i.Errors/2 {
			return "status " + code
		}
	}
	return ""
}
