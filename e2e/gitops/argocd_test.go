package gitops

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// argocd is Argo CD's application controller for an Application with self-heal and additional options.
func argocd(options ...string) engine {
	status := func(a app, manifest string) string {
		a.T.Helper()
		return a.must("argocd-driver", append([]string{"status", "--self-heal", "-f", manifest}, options...)...)
	}
	return engine{
		manager: "argocd-controller",
		kubectl: serverSide,
		apply: func(a app, manifest string) {
			a.T.Helper()
			status(a, manifest)
		},
		interval: func(a app, moment, manifest string) {
			a.T.Helper()
			if out := status(a, manifest); out != inSync {
				a.T.Errorf("%s: Argo CD finds\n%s", moment, out)
			}
		},
	}
}

const (
	inSync = "Deployment/podinfo Synced\nHTTPRoute/podinfo Synced\n"
	// includeMutationWebhook is the option that docs/how-to/gitops.md requires, beside ServerSideDiff.
	includeMutationWebhook = "--include-mutation-webhook"
)

func TestArgoCD(t *testing.T) {
	tell(t, argocd(includeMutationWebhook))
}

func TestArgoCDWithClientSideApply(t *testing.T) {
	e := argocd(includeMutationWebhook, "--server-side-apply=false")
	e.kubectl = []string{"apply"}
	tell(t, e)
}

// A manual sync also applies objects that are in sync.
func TestASyncOfWhatIsInSyncChangesNothing(t *testing.T) {
	e := argocd(includeMutationWebhook)
	status := e.interval
	e.interval = func(a app, moment, manifest string) {
		a.T.Helper()
		status(a, moment, manifest)
		if out := a.must("argocd-driver", "sync", "-f", manifest); !strings.Contains(out, "Deployment/podinfo Synced") {
			a.T.Errorf("%s: a sync prints\n%s", moment, out)
		}
	}
	tell(t, e)
}

// Without the webhook's part of the comparison, a new commit does not differ from the cluster: the template is the primary's
// before and after the apply.
func TestWithoutIncludeMutationWebhookArgoCDDoesNotSeeANewCommit(t *testing.T) {
	s := &story{app: newApp(t), engine: argocd(includeMutationWebhook)}
	s.commit("podinfo:v1")
	s.MakeAvailable()
	expect := func(moment, without, with string) {
		t.Helper()
		for want, options := range map[string][]string{without: {}, with: {includeMutationWebhook}} {
			out := s.must("argocd-driver", append([]string{"status", "-f", s.manifest}, options...)...)
			if !strings.Contains(out, "Deployment/podinfo "+want) {
				t.Errorf("%s: with %v it is not %s:\n%s", moment, options, want, out)
			}
		}
	}
	s.write("podinfo:v2")
	expect("a new commit", "Synced\n", `OutOfSync {"metadata":{"annotations":{"sluice.dev/candidate":"{`)
	s.apply(s.app, s.manifest)
	s.expect("applied", "podinfo:v1", "podinfo:v2")
	s.write("podinfo:v3")
	expect("a third version", "Synced\n", `OutOfSync {"metadata":{"annotations":{"sluice.dev/candidate":"{`)
}

// Without ServerSideDiff, Argo CD compares the manifest itself with the cluster, where the template is the primary's. Self-heal
// then syncs again and again, which changes only the time of the sync in managedFields.
func TestWithoutServerSideDiffArgoCDIsOutOfSyncWhileInFlight(t *testing.T) {
	for name, option := range map[string]string{"server-side apply": "--server-side-apply", "client-side apply": "--server-side-apply=false"} {
		t.Run(name, func(t *testing.T) {
			s := &story{app: newApp(t), engine: argocd("--server-side-diff=false", option)}
			s.commit("podinfo:v1")
			s.MakeAvailable()
			s.commit("podinfo:v2")
			s.expect("held", "podinfo:v1", "podinfo:v2")
			before := s.Deployment()
			for range 2 {
				out := s.must("argocd-driver", "status", "--self-heal", "-f", s.manifest, "--server-side-diff=false", option)
				if !strings.Contains(out, "Deployment/podinfo OutOfSync") || !strings.Contains(out, "podinfo:v2") {
					t.Errorf("Argo CD finds\n%s", out)
				}
			}
			after := s.Deployment()
			if diff := cmp.Diff([]any{before.Annotations, before.Spec}, []any{after.Annotations, after.Spec}); diff != "" {
				t.Errorf("self-heal has changed something:\n%s", diff)
			}
			s.promote()
			s.settle()
			if out := s.must("argocd-driver", "status", "-f", s.manifest, "--server-side-diff=false", option); !strings.Contains(out, "Deployment/podinfo Synced") {
				t.Errorf("after the promotion Argo CD finds\n%s", out)
			}
		})
	}
}
