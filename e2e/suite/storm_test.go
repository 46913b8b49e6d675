package suite

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
)

const (
	// greedy is an application whose checks ask for everything that Prometheus has.
	greedy = "greedy"
	// crowd is how many Deployments without pods a storm has, each with a Service.
	crowd = 10
)

// storm is what a tenant does without pause. It counts what was done, and the first thing that went wrong.
type storm struct {
	stop                         context.CancelFunc
	over                         sync.WaitGroup
	relabelled, changed, refused atomic.Int64
	wrong                        chan error
}

// storms begins a storm: the owner labels Services anew, changes a template again and again, and creates Deployments with records
// that grow when they are read.
func (t tenant) storms(ctx context.Context) *storm {
	GinkgoHelper()
	for i := range crowd {
		idle := withoutNamespace(t.Namespace, app.Options{Name: crowded(i), Replicas: 1, NoRoute: true, Annotations: quick})
		Expect(t.owner.Apply(ctx, strings.Replace(idle, "replicas: 1", "replicas: 0", 1))).To(Succeed())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &storm{stop: stop, wrong: make(chan error, 1)}
	DeferCleanup(s.end)
	s.repeat(background, 20*time.Millisecond, func(i int) error {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: crowded(i % crowd)}}
		defer s.relabelled.Add(1)
		return t.owner.Client.Patch(background, service, changingLabels(i))
	})
	s.repeat(background, 200*time.Millisecond, func(i int) error {
		defer s.changed.Add(1)
		_, err := t.owner.Kubectl(background, "", "set", "env", "deployment/podinfo", fmt.Sprintf("VERSION=b%d", i+2))
		return err
	})
	bomb := bombed(t.Namespace)
	s.repeat(background, 500*time.Millisecond, func(int) error {
		_, err := t.owner.Kubectl(background, bomb, "create", "-f", "-")
		if err == nil {
			return errors.New("a record that grows is stored")
		}
		if !strings.Contains(err.Error(), "more than 20000 values") {
			return fmt.Errorf("a record that grows is answered otherwise: %w", err)
		}
		s.refused.Add(1)
		return nil
	})
	return s
}

func crowded(i int) string { return fmt.Sprintf("crowd-%d", i) }

// repeat does something again and again, until the storm ends or it goes wrong.
func (s *storm) repeat(ctx context.Context, pause time.Duration, do func(i int) error) {
	s.over.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if err := do(i); err != nil && ctx.Err() == nil {
				select {
				case s.wrong <- err:
				default:
				}
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

func (s *storm) end() {
	s.stop()
	s.over.Wait()
}

// bombed is a Deployment whose candidate has a few kilobytes, and 400 000 maps when it is read.
func bombed(namespace string) string {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = fmt.Fprintf(writer, `{"hash":"0","template":{"spec":{"x":[%s0]}},"at":"2026-01-02T15:04:05Z"}`, strings.Repeat(`{"":0},`, 400_000))
	_ = writer.Close()
	return withoutNamespace(namespace, app.Options{Name: "bomb", Replicas: 1, NoService: true, Annotations: map[string]string{
		"sluice.dev/canary": "true", "sluice.dev/candidate": "gzip:" + base64.StdEncoding.EncodeToString(packed.Bytes())}})
}

// withoutNamespace is an application in a namespace that its owner may not change.
func withoutNamespace(namespace string, options app.Options) string {
	_, manifest, _ := strings.Cut(app.Manifest(namespace, options), "\n---\n")
	return manifest
}

// endless are checks whose answers have every series of Prometheus.
func endless() string {
	var checks []string
	for i := range 10 {
		checks = append(checks, fmt.Sprintf(`{name: all-%d, query: '{__name__=~".+"} > -%d', thresholdRange: {min: 0}}`, i, i))
	}
	return "{interval: 1s, threshold: 100, stepWeights: [50], metrics: [" + strings.Join(checks, ", ") + "]}"
}

var _ = Describe("The storm of a tenant", Serial, func() {
	It("keeps no request of another at a bad canary, and no good version from its promotion", func(ctx SpecContext) {
		const ours, theirs = "storm-a", "storm-b"
		a := given(ctx, ours, with(map[string]string{"sluice.dev/threshold": "1"}), "")
		b := a.beside(ctx, theirs, with(map[string]string{"sluice.dev/policy": "standard"}), app.Manifest(theirs, app.Options{
			Name: greedy, Replicas: 1, Annotations: map[string]string{"sluice.dev/canary": "true", "sluice.dev/policy": greedy}}))
		Expect(b.owner.Apply(ctx, strings.Replace(policy(theirs, endless()), "name: standard", "name: "+greedy, 1))).To(Succeed())
		hungry := b.another(greedy)
		hungry.waitFor(ctx, v1alpha1.PhaseInitialized)
		b.does(ctx, "set", "env", "deployment/"+greedy, "VERSION=v2")
		hungry.waitUntil(ctx, "answers that are too long", func(s v1alpha1.CanaryStatus) bool {
			return slices.ContainsFunc(s.Checks, func(c v1alpha1.CheckStatus) bool {
				return strings.Contains(c.Message, "the answer is longer than 65536 bytes")
			})
		})
		storm := b.storms(ctx)
		b.expectEvents(ctx, "SupersededOften")

		a.setVersion(ctx, "v2", "ERROR_RATE=1")
		a.waitFor(ctx, v1alpha1.PhaseFailed)
		a.expectClean(ctx, "v1")
		a.expectNoFailures(ctx, "v2")
		bad := a.run.Report().Of("v2")
		Expect(bad.Total()).To(BeNumerically(">", 0))
		last := bad.Answers[0].Sent
		for _, answer := range bad.Answers {
			if answer.Sent.After(last) {
				last = answer.Sent
			}
		}
		first := a.run.Report().FirstSeen("v2")
		GinkgoWriter.Printf("the bad canary answered %d requests in %s, beside %d labels, %d templates and %d refused records\n", bad.Total(),
			last.Sub(first).Round(10*time.Millisecond), storm.relabelled.Load(), storm.changed.Load(), storm.refused.Load())
		Expect(a.messages(ctx, "WeightAdvanced")).To(HaveLen(1), "it never had more than the first weight")

		By("a good version is promoted meanwhile")
		a.setVersion(ctx, "v3", "ERROR_RATE=0")
		a.waitFor(ctx, v1alpha1.PhaseSucceeded)
		Eventually(ctx, storm.relabelled.Load, patience(), glance).Should(BeNumerically(">", 100))
		Eventually(ctx, storm.refused.Load, patience(), glance).Should(BeNumerically(">", 5))
		storm.end()
		Expect(storm.wrong).To(BeEmpty())
		a.expectClean(ctx, "v3")
		a.expectNoFailures(ctx, "v2")
	})
})
