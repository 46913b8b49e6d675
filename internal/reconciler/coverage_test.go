package reconciler

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/client-go/rest"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/workload"
)

// lookingAt returns a reader whose looks a server answers, and counts the lists of kinds. Its handler answers everything but the list of kinds.
func lookingAt(t *testing.T, handler http.HandlerFunc) (*reader, *atomic.Int64) {
	t.Helper()
	discoveries := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/apis" {
			handler(w, request)
			return
		}
		discoveries.Add(1)
		kinds := func(group, version string, resources ...string) string {
			var all []string
			for _, resource := range resources {
				all = append(all, fmt.Sprintf(`{"resource":%q,"scope":"Namespaced","responseKind":{"kind":"X"},"verbs":["list"]}`, resource))
			}
			return fmt.Sprintf(`{"metadata":{"name":%q},"versions":[{"version":%q,"resources":[%s]}]}`, group, version, strings.Join(all, ","))
		}
		_, _ = fmt.Fprintf(w, `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[%s,%s,%s]}`,
			kinds("monitoring.coreos.com", "v1", "podmonitors", "prometheuses"), kinds("security.istio.io", "v1beta1", "authorizationpolicies"), kinds("unknown.io", "v1", "x"))
	}))
	t.Cleanup(server.Close)
	from, err := newSources(&rest.Config{Host: server.URL}, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return &reader{sources: from, memory: &memory{}}, discoveries
}

var shop = []coverage.Workload{{Namespace: "shop", Pods: map[string]string{"app": "podinfo"}}}

const denies = `{"metadata":{"namespace":"shop","name":"a"},"spec":{"selector":{"matchLabels":{"app":"podinfo"}}}}`

// TestALookIsBounded gives each list an answer that is hostile or broken. Another kind is read all the same.
func TestALookIsBounded(t *testing.T) {
	endless := func(w http.ResponseWriter, what string) {
		_, _ = io.WriteString(w, `{"items":[`)
		for range 1 << 20 {
			if _, err := io.WriteString(w, what); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		unread string
	}{
		"no end of objects": {func(w http.ResponseWriter, _ *http.Request) {
			endless(w, `{"metadata":{"name":"x","namespace":"other"}},`)
		}, "PodMonitor of monitoring.coreos.com (there is too much of it)"},
		"one object":    {func(w http.ResponseWriter, _ *http.Request) { endless(w, strings.Repeat("[", 100)) }, "PodMonitor of monitoring.coreos.com (its API fails)"},
		"one long text": {func(w http.ResponseWriter, _ *http.Request) { endless(w, `"`+strings.Repeat("x", 100)) }, "PodMonitor of monitoring.coreos.com"},
		"no end of pages": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":{"continue":"x"},"items":[`+strings.Repeat(" ", 1<<20)+`]}`)
		}, "PodMonitor of monitoring.coreos.com (there is too much of it)"},
		"no list":               {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `"x"`) }, "PodMonitor of monitoring.coreos.com (its API fails)"},
		"no JSON":               {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `<html>`) }, "PodMonitor of monitoring.coreos.com (its API fails)"},
		"no objects":            {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":null}`) }, ""},
		"objects that are none": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[1,"x",null,{}]}`) }, ""},
		"an error":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "PodMonitor of monitoring.coreos.com (its API fails)"},
		"no answer": {func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() },
			"PodMonitor of monitoring.coreos.com (its API fails)"},
		"a kind that is gone": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			r, _ := lookingAt(t, func(w http.ResponseWriter, request *http.Request) {
				switch {
				case strings.Contains(request.URL.Path, "podmonitors"):
					c.answer(w, request)
				case strings.Contains(request.URL.Path, "namespaces/shop/authorizationpolicies"):
					_, _ = fmt.Fprintf(w, `{"items":[%s]}`, denies)
				default:
					_, _ = io.WriteString(w, `{"metadata":{"labels":{"env":"prod"}},"items":[]}`)
				}
			})
			began := time.Now()
			found := r.look(t.Context(), "shop", shop)
			g.Expect(time.Since(began)).To(BeNumerically("<", 2*coverageLimit))
			g.Expect(found.Objects).To(HaveLen(1))
			g.Expect(found.NamespaceLabels).To(HaveKeyWithValue("env", "prod"))
			if c.unread == "" {
				g.Expect(found.Unread).To(BeEmpty())
			} else {
				g.Expect(found.Unread).To(ConsistOf(HavePrefix(c.unread)))
			}
		})
	}
}

func TestWhatMayNotBeReadIsNotAskedForInEachLook(t *testing.T) {
	g := NewWithT(t)
	var asked atomic.Int64
	r, discoveries := lookingAt(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	})
	for range 3 {
		found := r.look(t.Context(), "shop", shop)
		g.Expect(found.Forbidden).To(ConsistOf("AuthorizationPolicy of security.istio.io", "PodMonitor of monitoring.coreos.com"))
		g.Expect(found.NamespaceLabels).To(BeNil())
	}
	g.Expect(discoveries.Load()).To(BeNumerically("==", 1))
	g.Expect(asked.Load()).To(BeNumerically("==", 3+2), "the namespace in each look, and each kind once")
}

func TestWhereKindsAreLookedFor(t *testing.T) {
	beside, root := coverage.Kind{}, coverage.Kind{Root: "istio-system"}
	anywhere, cluster := coverage.Kind{Scope: coverage.Anywhere}, coverage.Kind{Scope: coverage.Cluster}
	for name, c := range map[string]struct {
		kind    coverage.Kind
		watched []string
		want    string
	}{
		"beside":                          {beside, nil, "shop"},
		"with a root":                     {root, nil, "shop istio-system"},
		"with a root that is watched":     {root, []string{"shop", "istio-system"}, "shop istio-system"},
		"with a root that is not":         {root, []string{"shop"}, "shop"},
		"anywhere":                        {anywhere, nil, ""},
		"anywhere that is watched":        {anywhere, []string{"shop", "search"}, "shop search"},
		"in the cluster":                  {cluster, []string{"shop"}, ""},
		"in the namespace that is a root": {coverage.Kind{Root: "shop"}, nil, "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reader{options: Options{Namespaces: c.watched}}
			NewWithT(t).Expect(strings.Join(r.namespacesFor(c.kind, "shop"), " ")).To(Equal(c.want))
		})
	}
}

// TestWhenALookIsMade looks for each candidate once, again while it waits, and never while its canary may get requests.
func TestWhenALookIsMade(t *testing.T) {
	old, other := &workload.Candidate{Hash: "v1"}, &workload.Candidate{Hash: "v2"}
	for name, c := range map[string]struct {
		candidate *workload.Candidate
		phase     v1alpha1.Phase
		age       time.Duration
		looks     bool
		knows     bool
	}{
		"no candidate":                                {nil, v1alpha1.PhaseInitialized, 0, false, false},
		"a failed candidate":                          {&workload.Candidate{Hash: "v2", Mark: workload.MarkFailed}, v1alpha1.PhaseFailed, 0, false, false},
		"a new candidate":                             {other, v1alpha1.PhaseInitialized, 0, true, true},
		"the same, a moment later":                    {old, v1alpha1.PhaseWaiting, time.Second, false, true},
		"the same, which waits":                       {old, v1alpha1.PhaseWaiting, coverageFresh, true, true},
		"the same, which has a canary":                {old, v1alpha1.PhaseProgressing, time.Hour, false, true},
		"the same, which is promoted":                 {old, v1alpha1.PhasePromoting, time.Hour, false, true},
		"the same, which waits for its promotion":     {old, v1alpha1.PhaseWaitingPromotion, time.Hour, false, true},
		"another one, while the first has a canary":   {other, v1alpha1.PhaseProgressing, 0, false, false},
		"another one, while the canary is cleaned up": {other, v1alpha1.PhaseFinalising, 0, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var looks atomic.Int64
			r, _ := lookingAt(t, func(w http.ResponseWriter, _ *http.Request) {
				looks.Add(1)
				_, _ = io.WriteString(w, `{}`)
			})
			r.memory.covers.put(subject, cover{candidate: old.ID().String(), at: time.Now().Add(-c.age), found: &coverage.Reading{}})
			p := parts{subjects: subjects{key: subject, primary: &appsv1.Deployment{}, canary: &v1alpha1.Canary{Status: v1alpha1.CanaryStatus{Phase: c.phase}}}}
			p.candidate = c.candidate
			found := r.readCoverage(t.Context(), p)
			g.Expect(looks.Load() > 0).To(Equal(c.looks))
			g.Expect(found != nil).To(Equal(c.knows))
		})
	}
}
