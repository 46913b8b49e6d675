package config

import (
	"fmt"
	"strings"
	"time"
)

// Bypass lets changes straight through for a while.
type Bypass struct {
	// Until is when the bypass ends.
	Until time.Time
	// Reason says why, for the record.
	Reason string
}

// longestBypass keeps a bypass from being forgotten.
const longestBypass = time.Hour

// BypassOf returns the bypass that is in force now, nil when there is none or its time has passed. The error says what is
// wrong with the annotation's value, such as a time more than an hour ahead.
func BypassOf(annotations map[string]string, now time.Time) (*Bypass, error) {
	value, set := annotations[AnnotationBypass]
	if !set {
		return nil, nil
	}
	bypass, err := readBypass(value)
	if err != nil {
		return nil, err
	}
	if bypass.Until.After(now.Add(longestBypass)) {
		return nil, fmt.Errorf("must end at most %s from now, by %s", longestBypass, now.Add(longestBypass).Format(time.RFC3339))
	}
	if !bypass.Until.After(now) {
		return nil, nil
	}
	return &bypass, nil
}

func readBypass(value string) (Bypass, error) {
	text, reason, _ := strings.Cut(value, ";")
	until, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	if reason = strings.TrimSpace(reason); err != nil || reason == "" {
		return Bypass{}, fmt.Errorf("must be a time at most an hour ahead and a reason, such as \"2026-01-02T15:04:05Z; fixes the outage\"")
	}
	return Bypass{Until: until, Reason: reason}, nil
}
