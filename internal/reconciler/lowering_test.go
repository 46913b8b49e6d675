package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// TestTakingWeightAwayWaitsForNoOtherWrite applies plans for two routes at 20 % while some writes fail.
func TestTakingWeightAwayWaitsForNoOtherWrite(t *testing.T) {
	for name, c := range map[string]struct {
		weight float64
		fails  string
		want   []string
	}{
		"a lower weight comes first":              {weight: 10, want: []string{"route a", "route b", "status"}},
		"a higher weight comes last":              {weight: 30, want: []string{"status", "route a", "route b"}},
		"no weight, and no status can be written": {fails: "status", want: []string{"route a", "route b"}},
		"no weight, and a route fails":            {fails: "route a", want: []string{"route b", "status"}},
		"more weight, and no status":              {weight: 30, fails: "status"},
	} {
		t.Run(name, func(t *testing.T) {
			r, written := recording(t, c.fails)
			o := reading{canary: &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo", UID: "1"}},
				World: observed.World{Namespace: "test", Name: "podinfo", Finalizer: true}}
			p := plan.Plan{Next: observed.State{Phase: v1alpha1.PhaseProgressing}, Finalizer: true, Split: plan.SplitIntent{Action: plan.SplitWrite,
				Split: route.Split{Deployment: "podinfo", Namespace: "test", Primary: "podinfo", Canary: "podinfo-canary", Weight: c.weight}}}
			for _, name := range []string{"a", "b"} {
				at20 := p.Split.Split
				at20.Weight = 20
				current, err := route.WithSplit(plainRoute(name), at20)
				if err != nil {
					t.Fatal(err)
				}
				o.Routes, p.Split.Routes = append(o.Routes, current), append(p.Split.Routes, current.Key())
			}
			if err := r.apply(t.Context(), o, p); (err == nil) != (c.fails == "") {
				t.Errorf("the result is %v", err)
			}
			if !slices.Equal(*written, c.want) {
				t.Errorf("written: %s", strings.Join(*written, ", "))
			}
		})
	}
}

func plainRoute(name string) route.Route {
	r := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: name}}
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name = "podinfo"
	r.Spec.Rules = []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}}
	return route.FromHTTP(r)
}

// recording is a reconciler that only lists its writes. One of them fails.
func recording(t *testing.T, fails string) (r *Reconciler, written *[]string) {
	written = new([]string)
	write := func(what string) error {
		if what == fails {
			return errors.New(what + " cannot be written")
		}
		*written = append(*written, what)
		return nil
	}
	client := interceptor.NewClient(newWorld(t, "test").client, interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, object client.Object, _ client.Patch, _ ...client.PatchOption) error {
			return write("route " + object.GetName())
		},
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error { return nil },
		SubResourceUpdate: func(_ context.Context, _ client.Client, name string, _ client.Object, _ ...client.SubResourceUpdateOption) error {
			return write(fmt.Sprint(name))
		},
	})
	return &Reconciler{client: client, recorder: record.NewFakeRecorder(100),
		reader: &reader{memory: newMemory(Options{Metrics: prometheus.NewRegistry()})}}, written
}
