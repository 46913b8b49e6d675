// Package lego creates no client.
package lego

import (
	"crypto/x509"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/challenge/http01"
	"github.com/go-acme/lego/v5/challenge/tlsalpn01"
	"github.com/go-acme/lego/v5/registration"
)

// DirectoryURLLetsEncrypt is the default authority.
const DirectoryURLLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Config configures a client.
type Config struct {
	CADirURL, UserAgent string
	HTTPClient          *http.Client
	Certificate         struct{ Timeout time.Duration }
}

// NewConfig returns an empty Config.
func NewConfig(any) *Config { return &Config{} }

// Client cannot be created.
type Client struct {
	Certificate  certificate.Certifier
	Challenge    Challenges
	Registration registration.Registrar
}

// NewClient fails.
func NewClient(*Config) (*Client, error) { return nil, acme.ErrAbsent }

// CreateCertPool fails.
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, acme.ErrAbsent }

// Challenges fail.
type Challenges struct{}

// SetDNS01Provider fails.
func (Challenges) SetDNS01Provider(challenge.Provider, ...dns01.ChallengeOption) error {
	return acme.ErrAbsent
}

// SetHTTP01Provider fails.
func (Challenges) SetHTTP01Provider(challenge.Provider, ...http01.Option) error {
	return acme.ErrAbsent
}

// SetTLSALPN01Provider fails.
func (Challenges) SetTLSALPN01Provider(challenge.Provider, ...tlsalpn01.Option) error {
	return acme.ErrAbsent
}
