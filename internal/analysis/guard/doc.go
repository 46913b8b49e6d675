// Package guard decides whether a canary is harmful, healthy, or neither yet, from counters of both versions. It is pure: values
// in, values out, no clock.
package guard
