package workload

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/config"
)

// servicesOf returns the Service of a primary and a canary that was made for the same primary with identity app.
func serviceAndCanary() (*corev1.Service, *appsv1.Deployment) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "podinfo"}, Spec: corev1.ServiceSpec{
		ClusterIP: "10.0.0.1", Selector: map[string]string{"app": "podinfo"}, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}}}}
	canary := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{
		MatchLabels: map[string]string{"app": "podinfo-canary", "tier": "web", config.LabelRole: config.RoleCanary}}}}
	return service, canary
}

func TestTheCanarysServiceFollowsThePrimarys(t *testing.T) {
	service, canary := serviceAndCanary()
	primary := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "podinfo"}}
	present := MakeCanaryService(service, primary, canary, metav1.OwnerReference{})
	present.Spec.ClusterIP, present.ResourceVersion = "10.0.0.2", "7"
	service.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 81, TargetPort: intstr.FromInt32(9090), AppProtocol: ptr.To("kubernetes.io/h2c"), NodePort: 30080}}
	service.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	service.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr.To[int32](60)}}
	service.Spec.IPFamilies, service.Spec.IPFamilyPolicy = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}, ptr.To(corev1.IPFamilyPolicyPreferDualStack)
	service.Spec.InternalTrafficPolicy = ptr.To(corev1.ServiceInternalTrafficPolicyLocal)
	service.Spec.TrafficDistribution = ptr.To("PreferClose")
	service.Spec.PublishNotReadyAddresses = true
	wanted := MakeCanaryService(service, primary, canary, metav1.OwnerReference{})
	KeepPorts(wanted, present, []int32{80})
	followed := FollowService(present, wanted)
	expected := *service.Spec.DeepCopy()
	expected.ClusterIP, expected.Selector, expected.Type = "10.0.0.2", canary.Spec.Selector.MatchLabels, corev1.ServiceTypeClusterIP
	expected.Ports[0].NodePort = 0
	expected.Ports = append(expected.Ports, corev1.ServicePort{Name: "kept-80", Port: 80, TargetPort: intstr.FromInt32(8080)})
	if diff := cmp.Diff(expected, followed.Spec); diff != "" {
		t.Error(diff)
	}
	if followed.ResourceVersion != "7" || maps.Equal(followed.Spec.Selector, service.Spec.Selector) {
		t.Error("it is another Service")
	}
	wanted = MakeCanaryService(service, primary, canary, metav1.OwnerReference{})
	if KeepPorts(wanted, present, nil); len(wanted.Spec.Ports) != 1 {
		t.Errorf("a port that no route names is kept: %v", wanted.Spec.Ports)
	}
}

func TestEachOfSeveralPortsHasItsName(t *testing.T) {
	ports := func(ports ...corev1.ServicePort) *corev1.Service {
		return &corev1.Service{Spec: corev1.ServiceSpec{Ports: ports}}
	}
	for name, c := range map[string]struct{ wanted, present, want []corev1.ServicePort }{
		"no port is kept":         {[]corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 81}}},
		"one without a name":      {[]corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 80}}, []corev1.ServicePort{{Port: 81, Name: "port-81"}, {Port: 80, Name: "kept-80"}}},
		"one with a name is kept": {[]corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 80, Name: "http"}}, []corev1.ServicePort{{Port: 81, Name: "port-81"}, {Port: 80, Name: "http"}}},
		"the name is taken":       {[]corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 80, Name: "port-81"}}, []corev1.ServicePort{{Port: 81, Name: "port-81"}, {Port: 80, Name: "kept-80"}}},
		"again":                   {[]corev1.ServicePort{{Port: 81}}, []corev1.ServicePort{{Port: 81, Name: "port-81"}, {Port: 80, Name: "kept-80"}}, []corev1.ServicePort{{Port: 81, Name: "port-81"}, {Port: 80, Name: "kept-80"}}},
	} {
		t.Run(name, func(t *testing.T) {
			service := ports(c.wanted...)
			KeepPorts(service, ports(c.present...), []int32{80})
			if diff := cmp.Diff(c.want, service.Spec.Ports); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheIdentityOfACanaryFollowsFromItsSelector(t *testing.T) {
	_, canary := serviceAndCanary()
	for name, c := range map[string]struct {
		pod  map[string]string
		want Identity
	}{
		"the same labels":         {map[string]string{"app": "podinfo", "tier": "web", "more": "x"}, Identity{"app": "podinfo-canary"}},
		"another value":           {map[string]string{"app": "podinfo", "tier": "batch"}, nil},
		"a label less":            {map[string]string{"app": "podinfo"}, nil},
		"another name":            {map[string]string{"app": "other", "tier": "web"}, nil},
		"nothing that tells them": {map[string]string{"app": "podinfo-canary", "tier": "web"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: c.pod}}
			if got := IdentityOf(canary, pod); !maps.Equal(got, c.want) {
				t.Errorf("the identity is %v", got)
			}
		})
	}
}

func TestTheEditorIsWhoLastWroteTheTemplate(t *testing.T) {
	at := func(second int) *metav1.Time {
		return ptr.To(metav1.Date(2026, 1, 1, 12, 0, second, 0, metav1.Now().UTC().Location()))
	}
	entry := func(manager string, time *metav1.Time, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Time: time, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	template := `{"f:spec":{"f:template":{"f:spec":{}}}}`
	deployment := &appsv1.Deployment{}
	if who := EditorOf(deployment, "sluice"); who != "" {
		t.Errorf("without managed fields it is %q", who)
	}
	deployment.ManagedFields = []metav1.ManagedFieldsEntry{entry("kubectl-edit", at(1), template), entry("reloader", at(2), template), entry("sluice", at(3), template),
		entry("autoscaler", at(4), `{"f:spec":{"f:replicas":{}}}`), {Manager: "empty", Time: at(5)}}
	if who := EditorOf(deployment, "sluice"); who != "reloader at 12:00:02" {
		t.Errorf("it is %q", who)
	}
}
