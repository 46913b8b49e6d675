package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

func withPorts() *appsv1.Deployment {
	pods := map[string]string{"app": "shop", "version": "v1"}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "test", Name: "shop"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pods}, Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {ContainerPort: 9090}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}}},
			{Name: "istio-proxy", Ports: []corev1.ContainerPort{{Name: "envoy", ContainerPort: 15090}}},
			{Name: "envoy", Ports: []corev1.ContainerPort{{ContainerPort: 15000}}},
		}}},
	}}
}

func TestMakeService(t *testing.T) {
	tcp := func(name string, port int32, target intstr.IntOrString) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Protocol: corev1.ProtocolTCP, Port: port, TargetPort: target}
	}
	for name, c := range map[string]struct {
		spec  v1alpha1.ServiceSpec
		ports []corev1.ServicePort
	}{
		"a port alone":                    {v1alpha1.ServiceSpec{}, []corev1.ServicePort{tcp("http", 80, intstr.FromInt32(80))}},
		"a name and the container's port": {v1alpha1.ServiceSpec{PortName: ptr.To("web"), TargetPort: ptr.To(intstr.FromString("http"))}, []corev1.ServicePort{tcp("web", 80, intstr.FromString("http"))}},
		"the other ports of the containers, without those of a mesh": {
			v1alpha1.ServiceSpec{TargetPort: ptr.To(intstr.FromInt32(8080)), PortDiscovery: ptr.To(true)},
			[]corev1.ServicePort{tcp("http", 80, intstr.FromInt32(8080)), tcp("port-9090", 9090, intstr.FromInt32(9090)),
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)}}},
		"a port that is named in place of its number": {
			v1alpha1.ServiceSpec{PortName: ptr.To("web"), TargetPort: ptr.To(intstr.FromString("http")), PortDiscovery: ptr.To(true)},
			[]corev1.ServicePort{tcp("web", 80, intstr.FromString("http")), tcp("port-9090", 9090, intstr.FromInt32(9090)),
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Port = ptr.To(int32(80))
			made := MakeService("shop", withPorts(), c.spec)
			if diff := cmp.Diff(c.ports, made.Spec.Ports); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]string{"app": "shop"}, made.Spec.Selector); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMetadataOfAPolicyNeverTakesOurKeys(t *testing.T) {
	service := MakeService("shop", withPorts(), v1alpha1.ServiceSpec{
		Port:    ptr.To(int32(80)),
		Apex:    &v1alpha1.Metadata{Labels: map[string]string{"team": "shop", config.LabelRole: config.RoleCanary}, Annotations: map[string]string{"example.com/owner": "jane", "a": "apex"}},
		Primary: &v1alpha1.Metadata{Labels: map[string]string{"team": "primary"}, Annotations: map[string]string{"a": "b"}},
	})
	MarkGenerated(service, withPorts(), "5f2b9c01d4ee")
	want := map[string]string{"team": "primary", config.LabelRole: config.RoleGenerated, config.LabelPrimary: "shop", config.LabelManagedBy: "sluice"}
	if diff := cmp.Diff(want, service.Labels); diff != "" {
		t.Error(diff)
	}
	if service.Annotations["a"] != "b" || service.Annotations["example.com/owner"] != "jane" {
		t.Errorf("the annotations are %v", service.Annotations)
	}
	if !GeneratedFor(service.Labels, "shop") || GeneratedFor(service.Labels, "other") {
		t.Error("it must be known as that of shop, and of nobody else")
	}
}

func TestTheCanaryServiceSharesNothingWithThePrimarys(t *testing.T) {
	service := MakeService("shop", withPorts(), v1alpha1.ServiceSpec{Port: ptr.To(int32(80)), TrafficDistribution: ptr.To("PreferClose"), AppProtocol: ptr.To("http")})
	service.Spec.IPFamilyPolicy, service.Spec.IPFamilies = ptr.To(corev1.IPFamilyPolicySingleStack), []corev1.IPFamily{corev1.IPv4Protocol}
	before := service.DeepCopy()
	made := MakeCanaryService(service, withPorts(), withPorts(), metav1.OwnerReference{})
	*made.Spec.TrafficDistribution, *made.Spec.Ports[0].AppProtocol = "other", "other"
	*made.Spec.IPFamilyPolicy, made.Spec.IPFamilies[0] = corev1.IPFamilyPolicyRequireDualStack, corev1.IPv6Protocol
	if diff := cmp.Diff(before, service); diff != "" {
		t.Errorf("an answer of the API server changes the Service of the primary: %s", diff)
	}
}

func TestTheCanaryServiceIsHeadlessLikeThePrimarys(t *testing.T) {
	service := MakeService("shop", withPorts(), v1alpha1.ServiceSpec{Port: ptr.To(int32(80)), Headless: ptr.To(true),
		AppProtocol: ptr.To("kubernetes.io/h2c"), TrafficDistribution: ptr.To("PreferClose")})
	canary := withPorts()
	canary.Labels = map[string]string{config.LabelRole: config.RoleCanary}
	made := MakeCanaryService(service, withPorts(), canary, metav1.OwnerReference{})
	WithMetadata(made, &v1alpha1.Metadata{Labels: map[string]string{"istio.io/use-waypoint": "waypoint"}, Annotations: map[string]string{"example.com/owner": "jane"}})
	if made.Spec.ClusterIP != corev1.ClusterIPNone || *made.Spec.Ports[0].AppProtocol != "kubernetes.io/h2c" || *made.Spec.TrafficDistribution != "PreferClose" {
		t.Errorf("the canary's Service differs: %+v", made.Spec)
	}
	if made.Labels["istio.io/use-waypoint"] != "waypoint" || made.Labels[config.LabelRole] != config.RoleCanary || made.Annotations["example.com/owner"] != "jane" {
		t.Errorf("the labels are %v, the annotations %v", made.Labels, made.Annotations)
	}
}
