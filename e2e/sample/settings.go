package main

import (
	"fmt"
	"strconv"
	"time"
)

// settings are what the environment says.
type settings struct {
	version    string
	port       string
	errorRate  float64
	latency    time.Duration
	drain      time.Duration
	crashAfter time.Duration
	readyAfter time.Duration
	neverReady bool
}

// settingsFrom reads VERSION, PORT, ERROR_RATE (0 to 1), READY (true or false), and the durations LATENCY, DRAIN,
// CRASH_AFTER and READY_AFTER.
func settingsFrom(env func(string) string) (settings, error) {
	s := settings{version: "dev", port: "8080", drain: 3 * time.Second}
	if v := env("VERSION"); v != "" {
		s.version = v
	}
	if v := env("PORT"); v != "" {
		if _, err := strconv.ParseUint(v, 10, 16); err != nil {
			return s, fmt.Errorf("PORT=%q: must be a number from 0 to 65535", v)
		}
		s.port = v
	}
	if v := env("ERROR_RATE"); v != "" {
		rate, err := strconv.ParseFloat(v, 64)
		if err != nil || !(rate >= 0 && rate <= 1) {
			return s, fmt.Errorf("ERROR_RATE=%q: must be a number from 0 to 1", v)
		}
		s.errorRate = rate
	}
	if v := env("READY"); v != "" {
		ready, err := strconv.ParseBool(v)
		if err != nil {
			return s, fmt.Errorf("READY=%q: must be true or false", v)
		}
		s.neverReady = !ready
	}
	for name, to := range map[string]*time.Duration{"LATENCY": &s.latency, "DRAIN": &s.drain, "CRASH_AFTER": &s.crashAfter, "READY_AFTER": &s.readyAfter} {
		v := env(name)
		if v == "" {
			continue
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return s, fmt.Errorf("%s=%q: must be a duration such as 250ms", name, v)
		}
		*to = d
	}
	return s, nil
}
