// Package acme stands in for the package with which Traefik gets certificates from authorities. The test cluster requests none,
// and the real package requires clients of some hundred DNS providers.
package acme

import "errors"

// ErrAbsent is the error of everything here.
var ErrAbsent = errors.New("this build of Traefik has no ACME")

// Account is an account at an authority.
type Account struct{}

// ExtendedAccount is an account and its location.
type ExtendedAccount struct {
	Account
	Location string
}
