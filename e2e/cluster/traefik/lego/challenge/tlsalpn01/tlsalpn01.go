// Package tlsalpn01 has the name of challenges over TLS.
package tlsalpn01

import (
	"time"

	"github.com/go-acme/lego/v5/acme"
)

// ACMETLS1Protocol is the protocol of challenges.
const ACMETLS1Protocol = "acme-tls/1"

// Option does nothing.
type Option struct{}

// SetDelay does nothing.
func SetDelay(time.Duration) Option { return Option{} }

// ChallengeBlocks fails.
func ChallengeBlocks(string, string) (certificate, key []byte, err error) {
	return nil, nil, acme.ErrAbsent
}
