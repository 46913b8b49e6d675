package main

import (
	"errors"
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
// CRASH_AFTER and READY_AFTER. What is empty has its default; the error tells all that is wrong.
func settingsFrom(env func(string) string) (settings, error) {
	s := settings{version: "dev", port: "8080", drain: 3 * time.Second}
	var wrong []error
	for _, variable := range []struct {
		name string
		read func(string) error
	}{
		{"VERSION", func(v string) error { s.version = v; return nil }},
		{"PORT", s.readPort},
		{"ERROR_RATE", s.readErrorRate},
		{"READY", s.readReady},
		{"LATENCY", durationInto(&s.latency)},
		{"DRAIN", durationInto(&s.drain)},
		{"CRASH_AFTER", durationInto(&s.crashAfter)},
		{"READY_AFTER", durationInto(&s.readyAfter)},
	} {
		value := env(variable.name)
		if value == "" {
			continue
		}
		if err := variable.read(value); err != nil {
			wrong = append(wrong, fmt.Errorf("%s=%q: %w", variable.name, value, err))
		}
	}
	return s, errors.Join(wrong...)
}

func (s *settings) readPort(value string) error {
	if _, err := strconv.ParseUint(value, 10, 16); err != nil {
		return errors.New("must be a number from 0 to 65535")
	}
	s.port = value
	return nil
}

func (s *settings) readErrorRate(value string) error {
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil || !(rate >= 0 && rate <= 1) {
		return errors.New("must be a number from 0 to 1")
	}
	s.errorRate = rate
	return nil
}

func (s *settings) readReady(value string) error {
	ready, err := strconv.ParseBool(value)
	if err != nil {
		return errors.New("must be true or false")
	}
	s.neverReady = !ready
	return nil
}

func durationInto(to *time.Duration) func(string) error {
	return func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return errors.New("must be a duration such as 250ms")
		}
		*to = d
		return nil
	}
}
