package reconciler

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sluice.dev/sluice/internal/workload"
)

// sharing reads like a cache that gives objects away without a copy, and knows which of them were changed.
type sharing struct {
	mu    sync.Mutex
	given []given
}

// given is an object that shares its maps, slices and pointers with a reader, and a copy of what it was.
type given struct{ object, was runtime.Object }

func (s *sharing) over(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			err := next.Get(ctx, key, object, options...)
			if shared := (&client.GetOptions{}).ApplyOptions(options).UnsafeDisableDeepCopy; err == nil && shared != nil && *shared {
				s.note(object)
			}
			return err
		},
		List: func(ctx context.Context, next client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := next.List(ctx, list, options...)
			if shared := (&client.ListOptions{}).ApplyOptions(options).UnsafeDisableDeepCopy; err == nil && shared != nil && *shared {
				return meta.EachListItem(list, func(item runtime.Object) error { s.note(item); return nil })
			}
			return err
		},
	})
}

func (s *sharing) note(object runtime.Object) {
	shallow := reflect.New(reflect.TypeOf(object).Elem())
	shallow.Elem().Set(reflect.ValueOf(object).Elem())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, given{shallow.Interface().(runtime.Object), object.DeepCopyObject()})
}

// changed names the objects that are no longer what they were.
func (s *sharing) changed() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.given {
		if !equality.Semantic.DeepEqual(one.object, one.was) {
			names = append(names, fmt.Sprintf("%T %s", one.was, one.was.(metav1.Object).GetName()))
		}
	}
	return names
}

// TestAChangeOfTheCacheIsSeen holds that worlds see a reader that changes what it shares with the cache, and that a tick shares
// all kinds that it lists.
func TestAChangeOfTheCacheIsSeen(t *testing.T) {
	w, _ := inFlight(t)
	cache := &sharing{}
	r := w.reconciler(w.client, Options{})
	r.cached, r.routes = cache.over(w.client), cache.over(w.client)
	of, err := r.subjects(t.Context(), subject)
	w.Expect(err).NotTo(HaveOccurred())
	o, err := r.observe(t.Context(), of)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(cache.changed()).To(BeEmpty())

	kinds := map[string]bool{}
	for _, one := range cache.given {
		kinds[workload.KindOf(one.was.(workload.Object))] = true
	}
	for _, kind := range []string{"Service", "Gateway", "GatewayClass", "HTTPRoute", "EndpointSlice"} {
		w.Expect(kinds).To(HaveKey(kind), "it is copied in every tick")
	}
	for _, change := range []func(*corev1.Service){
		func(s *corev1.Service) { s.Spec.Selector["app"] = "other" },
		func(s *corev1.Service) { s.Spec.Ports[0].Port = 81 },
	} {
		at := len(cache.given)
		var services corev1.ServiceList
		w.Expect(r.share(t.Context(), &services, client.InNamespace(subject.Namespace))).To(Succeed())
		change(&services.Items[0])
		w.Expect(cache.changed()).To(Equal([]string{"*v1.Service " + services.Items[0].Name}))
		cache.given = cache.given[:at]
	}
	w.Expect(o.Services).NotTo(BeEmpty())
}
