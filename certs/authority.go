package certs

import (
	"bytes"
	"crypto/x509"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Keys of the Secret besides tls.crt and tls.key, which hold the certificate. cert-manager uses the same ones.
const (
	// bundleKey holds every authority that may have signed a certificate that some replica serves, newest first.
	bundleKey = "ca.crt"
	// authorityKey holds the key of the newest authority.
	authorityKey = "ca.key"
)

// longestSettle is ample time for every API server to see a changed webhook configuration.
const longestSettle = time.Minute

// settle returns how long a new authority is in the bundle before it signs anything.
func (l Lifetimes) settle() time.Duration {
	return min(longestSettle, l.Leaf/10)
}

// Step is one step of the renewal.
type Step struct {
	// Data is the content that the Secret should have.
	Data map[string][]byte
	// Did says in one sentence what changed. Empty if nothing did.
	Did string
	// Wait is the time until the next step can be due.
	Wait time.Duration
}

// Next renews what is due. Authorities overlap: a new one is only trusted at first, and signs the certificate once it is
// trusted everywhere. The old one stays trusted until it expires, and so does everything that it signed. What cannot be read is
// replaced. trusted means that every webhook configuration has the current bundle.
func Next(data map[string][]byte, hosts []string, lifetimes Lifetimes, trusted bool, now time.Time) (Step, error) {
	a := read(data, now)
	did := ""
	if a.signer == nil || due(a.bundle[0], now) {
		if err := a.addAuthority(lifetimes.CA, now); err != nil {
			return Step{}, err
		}
		did, trusted = "made a new authority", false
	}
	mayReplace := trusted && !now.Before(a.settled(lifetimes))
	if !a.leafServes(hosts, now) || mayReplace && a.leafDue(now) {
		if err := a.issue(hosts, lifetimes.Leaf, now); err != nil {
			return Step{}, err
		}
		did = joined(did, "issued a certificate")
	}
	if did == "" && !bytes.Equal(encoded(a.bundle...), data[bundleKey]) {
		did = "dropped an expired authority"
	}
	next, err := a.encode()
	return Step{Data: next, Did: did, Wait: a.wait(lifetimes, now)}, err
}

func joined(first, second string) string {
	if first == "" {
		return second
	}
	return first + " and " + second
}

// leafDue reports whether to replace the certificate, because it or its authority is getting old.
func (a *material) leafDue(now time.Time) bool {
	return due(a.leaf, now) || a.leaf.CheckSignatureFrom(a.bundle[0]) != nil
}

// settled returns when the newest authority has been in the bundle for long enough to sign.
func (a *material) settled(lifetimes Lifetimes) time.Time {
	return made(a.bundle[0]).Add(lifetimes.settle())
}

// wait returns the time until something is due. Trust in the bundle needs no wait: it is an event.
func (a *material) wait(lifetimes Lifetimes, now time.Time) time.Duration {
	next := dueAt(a.bundle[0])
	for _, at := range []time.Time{dueAt(a.leaf), a.settled(lifetimes), a.bundle[len(a.bundle)-1].NotAfter} {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(now), lifetimes.settle())
}

// tolerance is how much clocks may differ. Certificates are valid from that long before they are made.
const tolerance = 5 * time.Minute

func made(certificate *x509.Certificate) time.Time {
	return certificate.NotBefore.Add(tolerance)
}

// dueAt returns the moment after two thirds of a certificate's life.
func dueAt(certificate *x509.Certificate) time.Time {
	return made(certificate).Add(certificate.NotAfter.Sub(made(certificate)) * 2 / 3)
}

func due(certificate *x509.Certificate, now time.Time) bool {
	return !now.Before(dueAt(certificate))
}

// certificateOf returns the certificate and its key.
func certificateOf(data map[string][]byte) (certificate, key []byte) {
	return data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]
}
