package docs

import (
	"strings"
	"testing"

	"sluice.dev/sluice/internal/workload"
)

func TestEveryCopiedAnnotationIsDocumented(t *testing.T) {
	routes := page(t, "how-to/routes.md")
	for _, prefix := range workload.DescribingAnnotations {
		if !strings.Contains(routes, "`"+prefix+"`") {
			t.Errorf("routes.md does not list the annotations %s that the canary's objects get", prefix)
		}
	}
}
