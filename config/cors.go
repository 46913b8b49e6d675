package config

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
)

// maxAgeHelp is also the message of the schema's rule.
const maxAgeHelp = "must be at least 1s in whole days, hours, minutes or seconds, such as 24h or 1d"

// mostAge fits into the field of a route, which has 32 bits for seconds.
const mostAge = 9999 * day

const day = 24 * time.Hour

var (
	days  = regexp.MustCompile(`^[1-9][0-9]{0,3}d$`)
	units = regexp.MustCompile(`^([0-9]{1,6}[hms])+$`)
)

// ParseMaxAge reads service.corsPolicy.maxAge: days, or hours, minutes and seconds. The error says what is allowed.
func ParseMaxAge(value string) (seconds int32, err error) {
	if days.MatchString(value) {
		number, err := strconv.Atoi(strings.TrimSuffix(value, "d"))
		return int32(time.Duration(number) * day / time.Second), err
	}
	age, err := time.ParseDuration(value)
	if err != nil || !units.MatchString(value) || age < time.Second || age > mostAge {
		return 0, errors.New(maxAgeHelp)
	}
	return int32(age / time.Second), nil
}

// ParseOrigin reads one of service.corsPolicy.allowOrigins. The Gateway API knows whole origins and hosts whose first label is *;
// the error says so of any other match.
func ParseOrigin(match v1alpha1.StringMatch) (origin string, err error) {
	if match.Exact == "" {
		return "", errors.New("the Gateway API supports only whole origins here; use exact, such as https://shop.example.com or https://*.example.com")
	}
	return match.Exact, nil
}
