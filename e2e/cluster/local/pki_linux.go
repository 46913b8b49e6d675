package local

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const certificateLifetime = 10 * 365 * 24 * time.Hour

// identity is a client or server of the control plane, with the name and groups that Kubernetes derives its rights from.
type identity struct {
	file   string
	name   string
	groups []string
	hosts  []string
}

var identities = []identity{
	{file: "apiserver", name: "kube-apiserver", hosts: []string{
		"127.0.0.1", nodeAddress, serviceAddress, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}},
	{file: "admin", name: "admin", groups: []string{"system:masters"}},
	{file: "kubelet", name: "system:node:" + nodeName, groups: []string{"system:nodes"}},
	{file: "controller-manager", name: "system:kube-controller-manager"},
	{file: "scheduler", name: "system:kube-scheduler"},
	{file: "proxy", name: "system:kube-proxy"},
	{file: "front-proxy", name: "front-proxy"},
}

// writePKI creates a certificate authority, a certificate for each identity, and the key for service accounts.
func writePKI(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	ca, caKey, err := authority(dir)
	if err != nil {
		return err
	}
	for i, id := range identities {
		template := certificate(int64(i+2), id.name, id.groups)
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
		for _, host := range id.hosts {
			if ip := net.ParseIP(host); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, host)
			}
		}
		if err := issue(dir, id.file, template, ca, nil, caKey); err != nil {
			return err
		}
	}
	_, err = newKey(filepath.Join(dir, "service-account.key"))
	return err
}

func authority(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template := certificate(1, "cluster", nil)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	key, err := newKey(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, nil, err
	}
	return template, key, issue(dir, "ca", template, template, key, key)
}

func certificate(serial int64, name string, groups []string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(certificateLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// issue signs a certificate for a key, or for a new one, which it writes too.
func issue(dir, file string, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	if key == nil {
		var err error
		if key, err = newKey(filepath.Join(dir, file+".key")); err != nil {
			return err
		}
	}
	content, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return fmt.Errorf("sign certificate %s: %w", file, err)
	}
	return writePEM(filepath.Join(dir, file+".crt"), "CERTIFICATE", content)
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", path, err)
	}
	content, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", path, err)
	}
	return key, writePEM(path, "EC PRIVATE KEY", content)
}

func writePEM(path, kind string, content []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
