// Package acme stands in for the one that Traefik gets certificates from authorities with. The cluster of the tests asks for
// none, and the real one brings the clients of some hundred providers of DNS along.
package acme

import "errors"

// ErrAbsent is what everything here answers.
var ErrAbsent = errors.New("this build of Traefik has no ACME")

// Account is one at an authority.
type Account struct{}

// ExtendedAccount is an account and where it is.
type ExtendedAccount struct {
	Account
	Location string
}
