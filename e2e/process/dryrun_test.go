package process

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/ports"
)

// TestADryRunWritesNothingElse proves from the API server's audit log that a dry run writes only Canaries and events.
func TestADryRunWritesNothingElse(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "audit.log")
	c := startCluster(t, audited(t, log))
	s := c.newShop()
	c.run("install", "sluice", "../../charts/sluice", "--create-namespace", "--set=dryRun=true,prometheusUrl="+s.prometheus)
	port := ports.Free(t)
	s.reach(port)
	p := s.start(fmt.Sprintf("--webhook-port=%d", port), "--dry-run")
	s.Eventually(p.readyz, patience, glance).Should(Equal("ok"), p.lines)
	s.optedIn(true)
	s.waitForPhase(p, v1alpha1.PhaseInitialized)

	s.setImage("podinfo:v2")
	s.Expect(s.image()).To(Equal("podinfo:v2"), "a change rolls out directly")
	s.waitForEnd(p, v1alpha1.PhaseSucceeded, 1)
	s.failing.Store(true)
	s.setImage("podinfo:v3")
	s.Expect(s.image()).To(Equal("podinfo:v3"))
	s.waitForEnd(p, v1alpha1.PhaseFailed, 2)
	status := s.canary().Status
	s.Expect(status.DryRun).To(BeTrue())
	s.Expect(status.Message).To(HavePrefix("Dry run: "))
	s.Expect(s.image()).To(Equal("podinfo:v3"), "what would have been rolled back stays")
	p.stop()

	for g := range s.used(log) {
		// Each request is there by its kind as well.
		if g.name != "" || g.resource == "*" || readingVerbs[g.verb] {
			continue
		}
		own := g.group == "sluice.dev" && (g.resource == "canaries" && g.verb == "create" || g.resource == "canaries/status")
		// The installation still does what it needs for itself.
		itself := g.resource == "events" || g.resource == "leases" || g.resource == "secrets" || strings.HasPrefix(g.group, "admissionregistration") ||
			g.group == "authentication.k8s.io" || g.group == "authorization.k8s.io"
		if !own && !itself {
			t.Errorf("a dry run writes: %s", g)
		}
	}
}

var readingVerbs = map[string]bool{"get": true, "list": true, "watch": true}

func (s *shop) image() string {
	s.t.Helper()
	d := &appsv1.Deployment{}
	s.Expect(s.client.Get(s.t.Context(), client.ObjectKey{Namespace: shopNamespace, Name: "podinfo"}, d)).To(Succeed())
	return d.Spec.Template.Spec.Containers[0].Image
}
