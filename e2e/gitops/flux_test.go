package gitops

import (
	"strings"
	"testing"
)

// flux is Flux's kustomize-controller.
var flux = engine{
	manager: "kustomize-controller",
	kubectl: serverSide,
	apply: func(a app, manifest string) {
		a.T.Helper()
		a.must("flux-driver", "reconcile", "-f", manifest)
	},
	interval: func(a app, moment, manifest string) {
		a.T.Helper()
		want := "Deployment/NS/podinfo unchanged\nHTTPRoute/NS/podinfo unchanged\n"
		for _, verb := range []string{"diff", "reconcile"} {
			out := strings.ReplaceAll(a.must("flux-driver", verb, "-f", manifest), a.Namespace, "NS")
			if out != want {
				a.T.Errorf("%s: flux-driver %s prints\n%s", moment, verb, out)
			}
		}
	},
}

func TestFlux(t *testing.T) {
	tell(t, flux)
}
