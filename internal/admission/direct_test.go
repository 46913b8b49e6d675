package admission

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
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

// lastDirect returns the direct change that was recorded last.
func lastDirect(annotations map[string]string) (*workload.Direct, error) {
	directs, err := workload.DirectsOf(annotations)
	return directs.Last(), err
}

// TestDirectChangesAreRecordedUntilTheyAreSettled makes direct changes and opts out and in while nobody settles them.
func TestDirectChangesAreRecordedUntilTheyAreSettled(t *testing.T) {
	stored := read(deployment("v1", map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; " + strings.Repeat("outage ", 100)}))
	number := 0
	send := func(by Request, updated map[string]any) workload.Directs {
		t.Helper()
		number++
		by.Now = someone.Now.Add(time.Duration(number) * time.Second)
		result, err := Render(stored, updated, by)
		if err != nil {
			t.Fatal(err)
		}
		stored = read(result.Object)
		directs, err := workload.DirectsOf(annotationsOf(stored))
		if err != nil {
			t.Fatal(err)
		}
		return directs
	}
	send(someone, withImage(stored, "v2"))
	send(someone, with(stored, map[string]string{config.AnnotationCanary: "false"}))
	directs := send(someone, with(stored, map[string]string{config.AnnotationCanary: "true"}))
	if len(directs) != 2 || directs[0].How != workload.DirectBypass || directs[1].How != workload.DirectOptedOut {
		t.Fatalf("opted in again, recorded are %+v", directs)
	}
	reported := directs[1].ID()
	for i := range workload.MostDirects {
		directs = send(someone, withImage(stored, fmt.Sprintf("v%d", i+3)))
	}
	if len(directs) != workload.MostDirects || directs[0].Dropped != 2 || len(directs[0].Reason) > 300 {
		t.Errorf("without room for all, recorded are %+v", directs)
	}
	if directs = send(sluice, with(stored, map[string]string{config.AnnotationSettle: reported.String()})); len(directs) != workload.MostDirects {
		t.Errorf("an order for one that is gone leaves %+v", directs)
	}
	last := directs.Last().ID()
	if directs = send(sluice, with(stored, map[string]string{config.AnnotationSettle: directs[2].ID().String()})); len(directs) != workload.MostDirects-3 || !directs.Last().ID().Is(last) {
		t.Errorf("settled up to the third, recorded are %+v", directs)
	}
	if directs = send(someone, with(stored, map[string]string{config.AnnotationDirect: "[]"})); len(directs) != workload.MostDirects-3 {
		t.Errorf("a forged record leaves %+v", directs)
	}
}

// TestAnOldRecordAllowsNoFurtherChange settles the first of two direct changes, while another webhook puts the template of the
// second in again.
func TestAnOldRecordAllowsNoFurtherChange(t *testing.T) {
	bypass := map[string]string{config.AnnotationBypass: "2026-01-01T00:30:00Z; outage"}
	stored := read(deployment("v1", bypass))
	for i, image := range []string{"v2", "v3"} {
		by := someone
		by.Now = by.Now.Add(time.Duration(i) * time.Second)
		result, err := Render(stored, withImage(stored, image), by)
		if err != nil {
			t.Fatal(err)
		}
		stored = read(result.Object)
	}
	directs, err := workload.DirectsOf(annotationsOf(stored))
	if err != nil {
		t.Fatal(err)
	}
	live := withImage(stored, "v4")
	settled, err := Render(live, with(live, map[string]string{config.AnnotationSettle: directs[0].ID().String()}), sluice)
	if err != nil {
		t.Fatal(err)
	}
	if err := guard(live, withImage(settled.Object, "v3"), sluice); err == nil {
		t.Error("the template of an earlier direct change goes through again")
	}
}
