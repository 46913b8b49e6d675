// Package dns01 does nothing with DNS.
package dns01

import (
	"strings"
	"time"
)

// ChallengeOption does nothing.
type ChallengeOption struct{}

// Options do nothing.
type Options struct{ RecursiveNameservers []string }

// Client does nothing.
type Client struct{}

// NewClient does nothing.
func NewClient(*Options) *Client { return nil }

// SetDefaultClient does nothing.
func SetDefaultClient(*Client) {}

// LazyCondOption does nothing.
func LazyCondOption(bool, func() ChallengeOption) ChallengeOption { return ChallengeOption{} }

// CombineOptions does nothing.
func CombineOptions(...ChallengeOption) ChallengeOption { return ChallengeOption{} }

// CondOptions does nothing.
func CondOptions(bool, ...ChallengeOption) ChallengeOption { return ChallengeOption{} }

// DisableAuthoritativeNssPropagationRequirement does nothing.
func DisableAuthoritativeNssPropagationRequirement() ChallengeOption { return ChallengeOption{} }

// DisableRecursiveNSsPropagationRequirement does nothing.
func DisableRecursiveNSsPropagationRequirement() ChallengeOption { return ChallengeOption{} }

// PropagationWait does nothing.
func PropagationWait(time.Duration, bool) ChallengeOption { return ChallengeOption{} }

// UnFqdn returns a name without its final dot.
func UnFqdn(name string) string { return strings.TrimSuffix(name, ".") }
