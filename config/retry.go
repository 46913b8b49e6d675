package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// retryConditions are the words of Envoy's retry conditions that a route of the Gateway API can follow, with the status codes that
// they mean. Those without codes are about connections that fail, which the Gateway API always retries.
var retryConditions = map[string][]int{
	"5xx": {500, 502, 503, 504}, "gateway-error": {502, 503, 504}, "retriable-4xx": {409},
	"connect-failure": nil, "refused-stream": nil, "reset": nil, "reset-before-request": nil,
}

// ParseRetryOn reads service.retries.retryOn: conditions and status codes, separated by commas. It returns the status codes after
// which a request is retried, each once, rising. The error says which condition a route cannot follow, and what is allowed.
func ParseRetryOn(value string) (codes []int, err error) {
	for condition := range strings.SplitSeq(value, ",") {
		condition = strings.TrimSpace(condition)
		meant, known := retryConditions[condition]
		if code, err := strconv.Atoi(condition); err == nil && code >= 400 && code <= 599 {
			meant, known = []int{code}, true
		}
		if !known && condition != "" {
			return nil, fmt.Errorf("%s does not exist in the Gateway API: use 5xx, gateway-error, retriable-4xx or status codes such as 503; "+
				"connect-failure, refused-stream, reset and reset-before-request are always retried", condition)
		}
		codes = append(codes, meant...)
	}
	slices.Sort(codes)
	return slices.Compact(codes), nil
}
