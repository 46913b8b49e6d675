package workload

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claiming are annotations of which two objects must not have the same.
var claiming = map[string]string{
	"external-dns.alpha.kubernetes.io/hostname": "www.example.com", "cloud.google.com/neg": `{"exposed_ports":{"80":{"name":"shop"}}}`,
	"tailscale.com/expose": "true", "consul.hashicorp.com/service-name": "shop", "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
	"metallb.io/loadBalancerIPs": "10.0.0.1", "service.cilium.io/global": "true", "io.cilium/global-service": "true",
	"keel.sh/policy": "all", "argocd-image-updater.argoproj.io/image-list": "a", "downscaler/uptime": "always", "reloader.stakater.com/auto": "true",
	"kubectl.kubernetes.io/last-applied-configuration": "{}", "meta.helm.sh/release-name": "shop", "deployment.kubernetes.io/revision": "3",
	"sluice.dev/canary": "true", "example.com/anything": "new",
}

func TestCopiesClaimNothing(t *testing.T) {
	kept := map[string]string{"prometheus.io/scrape": "true", "networking.istio.io/exportTo": ".", "linkerd.io/inject": "enabled", "konghq.com/plugins": "auth"}
	annotations := maps.Clone(claiming)
	maps.Copy(annotations, kept)
	primary, candidate := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: annotations}}, Candidate{Hash: "7c9e41d2"}
	primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	var err error
	if candidate.Template, err = TemplateOf(corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}}); err != nil {
		t.Fatal(err)
	}
	canary, err := MakeCanary(primary, candidate, Identity{"app": "web-canary"}, 1, metav1.OwnerReference{})
	if err != nil {
		t.Fatal(err)
	}
	service := MakeCanaryService(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: annotations}}, primary, canary, metav1.OwnerReference{})
	for name, got := range map[string]map[string]string{"Deployment": canary.Annotations, "Service": service.Annotations} {
		delete(got, "sluice.dev/template-hash")
		delete(got, "sluice.dev/requested-by")
		if !maps.Equal(got, kept) {
			t.Errorf("the %s has %v", name, got)
		}
	}
}
