package reconciler

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/rollout/observed"
)

// TestAnUninstallationAwaitsAGatewayAsLongAsARollout has a gateway that has not processed the route without its split.
func TestAnUninstallationAwaitsAGatewayAsLongAsARollout(t *testing.T) {
	for name, c := range map[string]struct {
		gone     bool
		deadline time.Duration
		want     time.Duration
	}{
		"a silent gateway gets the progress deadline":  {deadline: 5 * time.Minute, want: 5 * time.Minute},
		"and at least a minute":                        {deadline: 10 * time.Second, want: time.Minute},
		"without a known policy the built-in deadline": {want: 10 * time.Minute},
		"a gateway that is gone gets a minute":         {gone: true, deadline: 5 * time.Minute, want: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				silent := accepted(metav1.ObjectMeta{Namespace: "test", Name: "podinfo", Generation: 2})
				for i := range silent.Status.Parents[0].Conditions {
					silent.Status.Parents[0].Conditions[i].ObservedGeneration = 1
				}
				o := observed.World{Routes: []route.Route{route.FromHTTP(silent)}}
				if !c.gone {
					o.Gateways = []gatewayv1.Gateway{{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "gateway"}}}
				}
				canary := &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"}}
				canary.Status.Target = &v1alpha1.TargetStatus{Service: "podinfo", Routes: []string{"podinfo"}}
				if c.deadline > 0 {
					canary.Status.Policy = &v1alpha1.PolicyStatus{}
					canary.Status.Policy.Spec.ProgressDeadlineSeconds = ptr.To(int32(c.deadline / time.Second))
				}
				u := &cleanUp{restored: map[types.NamespacedName]time.Time{}, cleared: map[types.NamespacedName]time.Time{}}
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
				defer cancel()
				began, message := time.Now(), ""
				for err := u.stillServed(ctx, canary, o); err != nil; err = u.stillServed(ctx, canary, o) {
					if message == "" {
						message = err.Error()
					}
					time.Sleep(time.Second)
				}
				if took := time.Since(began); took < c.want || took > c.want+5*time.Second {
					t.Errorf("the gateway is given up after %s, not %s", took, c.want)
				}
				if told := strings.Contains(message, "raise uninstall.timeout"); told != (c.want > 4*time.Minute) {
					t.Errorf("it says %q", message)
				}
			})
		})
	}
}
