package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are read from the environment.
type settings struct {
	version    string
	port       string
	errorRate  float64
	latency    time.Duration
	drain      time.Duration
	crashAfter time.Duration
	readyAfter time.Duration
	neverReady bool
	// grpcPort is empty if gRPC is not served.
	grpcPort string
	// worker serves only its health and metrics.
	worker bool
	// gate serves a gate for hooks instead of the application.
	gate bool
	// upstream is the URL of an application to call. upstreamHost is the Host header if it differs from the URL's. forward names
	// the headers to forward.
	upstream, upstreamHost string
	forward                []string
}

// cohortHeader marks requests that went through a canary. It is always forwarded.
const cohortHeader = "X-Sluice-Canary"

// defaultDrain is longer than a gateway needs to learn that a pod goes. On a busy machine Traefik sent requests to pods of a
// plain Deployment until 8 s after their EndpointSlice said that they terminate.
const defaultDrain = 12 * time.Second

// settingsFrom reads VERSION, PORT, GRPC_PORT (default: none), ERROR_RATE (0 to 1), READY, WORKER and GATE (true or false), the
// durations LATENCY, DRAIN, CRASH_AFTER and READY_AFTER, and UPSTREAM (a URL) with UPSTREAM_HOST and FORWARD (header names
// separated by commas). Empty variables have their defaults. The error lists everything that is wrong.
func settingsFrom(env func(string) string) (settings, error) {
	s := settings{version: "dev", port: "8080", drain: defaultDrain, forward: []string{cohortHeader}}
	var wrong []error
	for _, variable := range []struct {
		name string
		read func(string) error
	}{
		{"VERSION", func(v string) error { s.version = v; return nil }},
		{"PORT", portInto(&s.port)},
		{"GRPC_PORT", portInto(&s.grpcPort)},
		{"ERROR_RATE", s.readErrorRate},
		{"READY", s.readReady},
		{"WORKER", boolInto(&s.worker)},
		{"GATE", boolInto(&s.gate)},
		{"UPSTREAM", s.readUpstream},
		{"UPSTREAM_HOST", func(v string) error { s.upstreamHost = v; return nil }},
		{"FORWARD", s.readForward},
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

func portInto(to *string) func(string) error {
	return func(value string) error {
		if _, err := strconv.ParseUint(value, 10, 16); err != nil {
			return errors.New("must be a number from 0 to 65535")
		}
		*to = value
		return nil
	}
}

func (s *settings) readUpstream(value string) error {
	parsed, err := url.Parse(value)
	if err != nil || parsed.Scheme != "http" || parsed.Host == "" {
		return errors.New("must be a URL such as http://secondary")
	}
	s.upstream = value
	return nil
}

func (s *settings) readForward(value string) error {
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("must be names of headers, separated by commas")
		}
		s.forward = append(s.forward, name)
	}
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
	ready := true
	err := boolInto(&ready)(value)
	s.neverReady = !ready
	return err
}

func boolInto(to *bool) func(string) error {
	return func(value string) error {
		parsed, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("must be true or false")
		}
		*to = parsed
		return nil
	}
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
