package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"maps"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

var (
	testHosts = []string{"sluice-webhook.sluice-system.svc", "sluice-webhook.sluice-system.svc.cluster.local"}
	lifetimes = Lifetimes{CA: 90 * time.Hour, Leaf: 30 * time.Hour}
	start     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// next makes one step. The step must succeed and leave a certificate that can be served.
func next(t *testing.T, data map[string][]byte, trusted bool, now time.Time) Step {
	t.Helper()
	step, err := Next(data, testHosts, lifetimes, trusted, now)
	if err != nil {
		t.Fatal(err)
	}
	if !read(step.Data, now).leafServes(testHosts, now) {
		t.Fatalf("at %s the certificate is not accepted with the bundle", now)
	}
	if step.Wait <= 0 {
		t.Fatalf("at %s the next step is due after %s", now, step.Wait)
	}
	return step
}

func TestNextMakesWhatIsDue(t *testing.T) {
	fresh := next(t, nil, false, start).Data
	rotated := next(t, fresh, true, start.Add(60*time.Hour)).Data
	for name, c := range map[string]struct {
		data    map[string][]byte
		trusted bool
		after   time.Duration
		did     string
	}{
		"an empty Secret":                       {nil, false, 0, "made a new authority and issued a certificate"},
		"nothing is due":                        {fresh, true, 19 * time.Hour, ""},
		"the certificate grows old":             {fresh, true, 20 * time.Hour, "issued a certificate"},
		"an old certificate without trust yet":  {fresh, false, 20 * time.Hour, ""},
		"an expired certificate, without trust": {fresh, false, 31 * time.Hour, "issued a certificate"},
		"the authority grows old":               {rotated, true, 120 * time.Hour, "made a new authority and issued a certificate"},
		"everything has expired":                {fresh, true, 1000 * time.Hour, "made a new authority and issued a certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			step := next(t, c.data, c.trusted, start.Add(c.after))
			if step.Did != c.did {
				t.Errorf("did %q, not %q", step.Did, c.did)
			}
			if c.did == "" && !bytes.Equal(step.Data[corev1.TLSCertKey], c.data[corev1.TLSCertKey]) {
				t.Error("the certificate changed without a word")
			}
		})
	}
}

// A certificate that any replica may still serve is accepted until it expires, even if others were made meanwhile.
func TestAuthoritiesOverlap(t *testing.T) {
	data := next(t, nil, false, start).Data
	type served struct {
		data  map[string][]byte
		until time.Time
	}
	var earlier []served
	authorities := map[string]bool{}
	for now := start; now.Before(start.Add(2000 * time.Hour)); {
		before := data
		step := next(t, data, true, now)
		data = step.Data
		if a := read(before, now); a.leaf != nil && step.Did != "" {
			earlier = append(earlier, served{before, a.leaf.NotAfter})
		}
		authorities[read(data, now).bundle[0].SerialNumber.String()] = true
		for _, old := range earlier {
			mixed := maps.Clone(old.data)
			mixed[bundleKey] = data[bundleKey]
			if now.Before(old.until) && !read(mixed, now).leafServes(testHosts, now) {
				t.Fatalf("at %s a replica that still serves the certificate of before is not accepted", now)
			}
		}
		now = now.Add(step.Wait)
	}
	if len(authorities) < 10 || len(earlier) < 50 {
		t.Errorf("%d authorities and %d certificates are too few for the test to mean anything", len(authorities), len(earlier))
	}
}

func TestNewAuthorityIsTrustedBeforeItSigns(t *testing.T) {
	data := next(t, nil, false, start).Data
	now := start.Add(50 * time.Hour)
	data = next(t, data, true, now).Data // a certificate that is not due when the authority is
	now = start.Add(60 * time.Hour)
	step := next(t, data, true, now)
	if step.Did != "made a new authority" || len(read(step.Data, now).bundle) != 2 {
		t.Fatalf("did %q, and trusts %d authorities", step.Did, len(read(step.Data, now).bundle))
	}
	if step = next(t, step.Data, true, now.Add(time.Second)); step.Did != "" {
		t.Errorf("before API servers can have seen the new authority: %s", step.Did)
	}
	if step = next(t, step.Data, false, now.Add(2*lifetimes.settle())); step.Did != "" {
		t.Errorf("before the configurations have the new authority: %s", step.Did)
	}
	if step = next(t, step.Data, true, now.Add(2*lifetimes.settle())); step.Did != "issued a certificate" {
		t.Errorf("once it is trusted: %q", step.Did)
	}
	if step = next(t, step.Data, true, start.Add(91*time.Hour)); len(read(step.Data, now).bundle) != 1 {
		t.Error("the expired authority stays")
	}
}

// A Secret that cert-manager has filled has no key of an authority, and may have a chain.
func TestCertificateOfAnotherAuthorityServesUntilOursIsTrusted(t *testing.T) {
	root, signer := &material{}, &material{}
	for _, authority := range []*material{root, signer} {
		if err := authority.addAuthority(lifetimes.CA, start); err != nil {
			t.Fatal(err)
		}
	}
	template, key := signer.bundle[0], signer.signer.(*ecdsa.PrivateKey)
	between, err := sign(template, root.bundle[0], key, root.signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.issue(testHosts, lifetimes.Leaf, start); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ authority, certificate []byte }{
		"signed by the authority":  {encoded(signer.bundle...), signer.certificate},
		"signed by one in between": {encoded(root.bundle...), append(bytes.Clone(signer.certificate), encoded(between)...)},
	} {
		t.Run(name, func(t *testing.T) {
			taken := map[string][]byte{bundleKey: c.authority, corev1.TLSCertKey: c.certificate, corev1.TLSPrivateKeyKey: signer.key}
			step := next(t, taken, true, start)
			if step.Did != "made a new authority" || !bytes.Equal(step.Data[corev1.TLSCertKey], c.certificate) {
				t.Errorf("did %q", step.Did)
			}
			if len(read(step.Data, start).bundle) != 2 {
				t.Error("the other authority is not trusted any more")
			}
			if step = next(t, step.Data, true, start.Add(lifetimes.settle())); step.Did != "issued a certificate" {
				t.Errorf("did %q, then", step.Did)
			}
		})
	}
}

func TestGarbageIsMadeAnew(t *testing.T) {
	fresh := next(t, nil, false, start).Data
	now := start.Add(time.Hour)
	for _, key := range []string{bundleKey, authorityKey, corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		for what, content := range map[string][]byte{
			"nothing": nil, "text": []byte("garbage"), "half": fresh[key][:len(fresh[key])/2],
			"another's": next(t, nil, false, start).Data[key],
		} {
			t.Run(key+" is "+what, func(t *testing.T) {
				data := maps.Clone(fresh)
				data[key] = content
				step := next(t, data, true, now)
				if step.Did == "" {
					t.Error("nothing was done")
				}
				if again := next(t, step.Data, true, now); again.Did != "" {
					t.Errorf("the result is not good: %s", again.Did)
				}
				keep := key == authorityKey
				if same := bytes.Equal(step.Data[corev1.TLSCertKey], fresh[corev1.TLSCertKey]); same != keep {
					t.Errorf("the certificate was kept: %t, should be %t", same, keep)
				}
			})
		}
	}
}

func TestCertificateDoesNotOutliveItsAuthority(t *testing.T) {
	a := &material{}
	if err := a.addAuthority(time.Hour, start); err != nil {
		t.Fatal(err)
	}
	if err := a.issue(testHosts, 2*time.Hour, start); err != nil {
		t.Fatal(err)
	}
	if a.leaf.NotAfter.After(a.bundle[0].NotAfter) {
		t.Errorf("valid until %s, the authority until %s", a.leaf.NotAfter, a.bundle[0].NotAfter)
	}
	if _, err := tls.X509KeyPair(a.certificate, a.key); err != nil {
		t.Error(err)
	}
}
