// Package http01 has where challenges over HTTP are answered.
package http01

import "time"

// PathPrefix of challenges.
const PathPrefix = "/.well-known/acme-challenge/"

// Option does nothing.
type Option struct{}

// SetDelay does nothing.
func SetDelay(time.Duration) Option { return Option{} }
