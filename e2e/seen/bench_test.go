package seen

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/author"
)

// BenchmarkHeldBack measures a change that is held back, alone and with a dry run as its author. What differs is the cost of that.
func BenchmarkHeldBack(b *testing.B) {
	connection, err := clientcmd.BuildConfigFromFlags("", kubeconfigs[pat])
	if err != nil {
		b.Fatal(err)
	}
	connection.QPS = -1
	user, err := client.New(connection, client.Options{Scheme: server.Client.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	asked, err := asking(server.ReconcilerConfig, author.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, asks := range []bool{false, true} {
		b.Run(fmt.Sprintf("asked=%t", asks), func(b *testing.B) {
			primary := suspended(b)
			server.AskAs(nil)
			if asks {
				server.AskAs(asked.Ask)
			}
			b.Cleanup(func() { server.AskAs(nil) })
			n := 0
			var took []time.Duration
			for b.Loop() {
				n++
				patch := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"podinfo:n%d"}]}}}}`, n)
				began := time.Now()
				if err := user.Patch(b.Context(), primary, client.RawPatch(types.StrategicMergePatchType, patch)); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			// On a busy machine the mean says little.
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
		})
	}
}

// suspended is an opted-in Deployment that pat may write, in its own namespace. No rollout starts.
func suspended(b *testing.B) *appsv1.Deployment {
	b.Helper()
	var primary appsv1.Deployment
	if err := yaml.Unmarshal([]byte(manifest), &primary); err != nil {
		b.Fatal(err)
	}
	primary.Namespace = server.NewNamespace(b)
	primary.Annotations[config.AnnotationSuspend] = "true"
	name := metav1.ObjectMeta{Namespace: primary.Namespace, Name: pat}
	for _, object := range []client.Object{
		&primary,
		&rbacv1.Role{ObjectMeta: name, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"patch"}}}},
		&rbacv1.RoleBinding{ObjectMeta: name, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: pat},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: pat}}},
	} {
		if err := server.Client.Create(b.Context(), object); err != nil {
			b.Fatal(err)
		}
	}
	return &primary
}
