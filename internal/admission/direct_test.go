package admission

import (
	"strings"
	"testing"
)

func TestOnlyAPrimaryWithoutReadyReplicasIsCalledUnavailable(t *testing.T) {
	for field, warned := range map[string]bool{"readyReplicas": false, "availableReplicas": false, "replicas": true} {
		old := deployment("v1", nil)
		old["status"] = map[string]any{field: int64(1)}
		result, err := Render(old, deployment("v2", nil), someone)
		if err != nil {
			t.Fatal(err)
		}
		if warnings := strings.Join(result.Warnings, "\n"); strings.Contains(warnings, "no replica of the primary is available") != warned {
			t.Errorf("with %s the warnings are %q", field, warnings)
		}
	}
}
