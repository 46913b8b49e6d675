package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// material is the content of the Secret, as far as it can be read.
type material struct {
	// bundle holds the authorities that have not expired, newest first.
	bundle []*x509.Certificate
	// signer is the key of the newest authority. Nil if the Secret has no key that fits.
	signer crypto.Signer
	// leaf is the certificate of the webhook server. Nil if the Secret has no key that fits.
	leaf *x509.Certificate
	// between holds the intermediate authorities that are sent along with the leaf. Only an issuer of cert-manager has any.
	between *x509.CertPool
	// certificate and key are the leaf as stored in the Secret.
	certificate, key []byte
}

func read(data map[string][]byte, now time.Time) *material {
	a := &material{bundle: unexpired(data[bundleKey], now)}
	if pair, err := tls.X509KeyPair(data[bundleKey], data[authorityKey]); err == nil && len(a.bundle) > 0 && pair.Leaf.Equal(a.bundle[0]) {
		a.signer, _ = pair.PrivateKey.(crypto.Signer)
	}
	certificate, key := certificateOf(data)
	if pair, err := tls.X509KeyPair(certificate, key); err == nil {
		a.leaf, a.between, a.certificate, a.key = pair.Leaf, between(&pair), certificate, key
	}
	return a
}

// unexpired returns the authorities of a bundle that have not expired. It skips anything that is not a certificate.
func unexpired(bundle []byte, now time.Time) []*x509.Certificate {
	var found []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err == nil && certificate.IsCA && now.Before(certificate.NotAfter) {
			found = append(found, certificate)
		}
	}
	return found
}

// between returns the intermediate authorities that are sent along with a certificate.
func between(pair *tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, raw := range pair.Certificate[1:] {
		if authority, err := x509.ParseCertificate(raw); err == nil {
			pool.AddCert(authority)
		}
	}
	return pool
}

// leafServes reports whether an API server that trusts the bundle accepts the certificate for all hosts.
func (a *material) leafServes(hosts []string, now time.Time) bool {
	if a.leaf == nil {
		return false
	}
	roots := x509.NewCertPool()
	for _, authority := range a.bundle {
		roots.AddCert(authority)
	}
	for _, host := range hosts {
		if _, err := a.leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: a.between, CurrentTime: now}); err != nil {
			return false
		}
	}
	return true
}

// addAuthority puts a new authority in front of those that are already trusted.
func (a *material) addAuthority(validity time.Duration, now time.Time) error {
	template := templateOf("sluice", validity, now)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of an authority: %w", err)
	}
	authority, err := sign(template, template, key, key)
	if err != nil {
		return fmt.Errorf("make an authority: %w", err)
	}
	a.bundle, a.signer = append([]*x509.Certificate{authority}, a.bundle...), key
	return nil
}

// issue makes a certificate. The newest authority signs it, and the certificate does not outlive the authority.
func (a *material) issue(hosts []string, validity time.Duration, now time.Time) error {
	template := templateOf(hosts[0], validity, now)
	template.DNSNames = hosts
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if last := a.bundle[0].NotAfter; template.NotAfter.After(last) {
		template.NotAfter = last
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of a certificate: %w", err)
	}
	if a.leaf, err = sign(template, a.bundle[0], key, a.signer); err != nil {
		return fmt.Errorf("issue a certificate for %s: %w", hosts[0], err)
	}
	a.certificate, a.between = encoded(a.leaf), nil
	a.key, err = encodedKey(key)
	return err
}

// templateOf rounds the start up to whole seconds, the precision of certificates: an authority must not look older than it is.
func templateOf(name string, validity time.Duration, now time.Time) *x509.Certificate {
	start := now.Add(time.Second - 1).Truncate(time.Second)
	return &x509.Certificate{
		Subject:      pkix.Name{CommonName: name, Organization: []string{"sluice.dev"}},
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    start.Add(-tolerance),
		NotAfter:     start.Add(validity),
	}
}

func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) (*x509.Certificate, error) {
	content, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(content)
}

func (a *material) encode() (map[string][]byte, error) {
	key, err := encodedKey(a.signer)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		bundleKey: encoded(a.bundle...), authorityKey: key,
		corev1.TLSCertKey: a.certificate, corev1.TLSPrivateKeyKey: a.key,
	}, nil
}

func encoded(certificates ...*x509.Certificate) []byte {
	var content []byte
	for _, certificate := range certificates {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return content
}

func encodedKey(key crypto.Signer) ([]byte, error) {
	content, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: content}), nil
}
