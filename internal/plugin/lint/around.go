package lint

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/plugin/manifest"
	"sluice.dev/sluice/internal/route"
	"sluice.dev/sluice/internal/workload"
)

// adviseEffective warns of values of the whole policy that have no effect on a Deployment.
func (l *linter) adviseEffective(object manifest.Object, annotations map[string]string, present policy.Present) {
	at := "metadata.annotations"
	if annotations[config.AnnotationPolicy] != "" {
		at += "[" + config.AnnotationPolicy + "]"
	}
	for _, advice := range policy.EffectiveAdvice(present.Status.Spec, l.ownOf(object, present.Policy)) {
		l.find(object, Warning, at, advice.String())
	}
}

// ownOf finds the Service of a Deployment and a route that sends to it among the files.
func (l *linter) ownOf(object manifest.Object, effective config.Policy) (own policy.Own) {
	var primary appsv1.Deployment
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Content, &primary) != nil {
		return own
	}
	for _, service := range workload.ServicesOf(&primary, l.servicesIn(object.Namespace())) {
		if effective.Service != "" && service.Name != effective.Service {
			continue
		}
		if own.Service == "" {
			own.Service = "Service " + service.Name
		}
		if r := l.routeTo(types.NamespacedName{Namespace: object.Namespace(), Name: service.Name}); r != "" && own.Route == "" {
			own.Route = r
		}
	}
	return own
}

// servicesIn are the Services of a namespace. One that cannot be read is left out: kubectl says what is wrong with it.
func (l *linter) servicesIn(namespace string) (found []corev1.Service) {
	for _, object := range l.objects {
		var service corev1.Service
		if object.Group() == "" && object.Kind() == "Service" && object.Namespace() == namespace &&
			runtime.DefaultUnstructuredConverter.FromUnstructured(object.Content, &service) == nil {
			found = append(found, service)
		}
	}
	return found
}

// routeTo names a route of the Service's namespace that sends to it; empty if there is none.
func (l *linter) routeTo(service types.NamespacedName) string {
	for _, object := range l.objects {
		if object.Group() != "gateway.networking.k8s.io" || object.Namespace() != service.Namespace || object.Kind() != route.HTTP && object.Kind() != route.GRPC {
			continue
		}
		if r, err := route.FromObject(object.Content); err == nil && route.SendsTo(r, service) {
			return r.Key().From(service.Namespace)
		}
	}
	return ""
}
