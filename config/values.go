package config

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// Words of canary.replicas.
const (
	ReplicasProportional = "Proportional"
	ReplicasPrimary      = "Primary"
)

const (
	kindHTTPRoute = "HTTPRoute"
	kindGRPCRoute = "GRPCRoute"
)

var (
	replicas     = regexp.MustCompile(`^(Proportional|Primary|[1-9][0-9]{0,4}|([1-9][0-9]?|100)%)$`)
	routeName    = regexp.MustCompile(`^((HTTPRoute|GRPCRoute)/)?([a-z0-9.-]+/)?[a-z0-9.-]+$`)
	cohortMember = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?(=[a-z]([-a-z0-9]{0,61}[a-z0-9])?)?$`)
	tokenName    = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

// ParseReplicas reads canary.replicas.
func ParseReplicas(value string) (Replicas, error) {
	percent, isPercent := strings.CutSuffix(value, "%")
	switch {
	case !replicas.MatchString(value):
		return Replicas{}, errors.New(`must be Proportional, Primary, a number from 1 such as "2", or a percentage from "1%" to "100%"`)
	case value == ReplicasProportional:
		return Replicas{}, nil
	case value == ReplicasPrimary:
		return Replicas{Percent: FullWeight}, nil
	case isPercent:
		number, err := strconv.ParseFloat(percent, 64)
		return Replicas{Percent: number}, err
	}
	number, err := strconv.ParseInt(value, 10, 32)
	return Replicas{Number: int32(number)}, err
}

// ParseRoute reads an item of service.routes: [kind/][namespace/]name.
func ParseRoute(value string) (RouteRef, error) {
	if !routeName.MatchString(value) {
		return RouteRef{}, errors.New("must be HTTPRoute/name, GRPCRoute/name or HTTPRoute/namespace/name")
	}
	ref := RouteRef{Kind: kindHTTPRoute, Name: value}
	if kind, rest, qualified := strings.Cut(value, "/"); qualified && (kind == kindHTTPRoute || kind == kindGRPCRoute) {
		ref.Kind, ref.Name = kind, rest
	}
	if namespace, name, qualified := strings.Cut(ref.Name, "/"); qualified {
		ref.Namespace, ref.Name = namespace, name
	}
	return ref, nil
}

// ParseMember reads an item of service.cohort: service or service=target.
func ParseMember(value string) (CohortMember, error) {
	if !cohortMember.MatchString(value) {
		return CohortMember{}, errors.New("must be the name of a Service, or service=target with the Service that gets the requests")
	}
	service, target, _ := strings.Cut(value, "=")
	return CohortMember{Service: service, Target: target}, nil
}

// IsToken reports whether a value can be the name of a header or a cookie.
func IsToken(value string) bool { return tokenName.MatchString(value) }
