// Package http01 has the path of challenges over HTTP.
package http01

import "time"

// PathPrefix is the path prefix of challenges.
const PathPrefix = "/.well-known/acme-challenge/"

// Option does nothing.
type Option struct{}

// SetDelay does nothing.
func SetDelay(time.Duration) Option { return Option{} }
