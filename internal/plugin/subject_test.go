package plugin

import (
	"fmt"
	"strings"
	"testing"

	"sluice.dev/sluice/internal/workload"
)

// TestStanding checks what scripts rely on, above all that the status of the previous rollout does not mislead them.
func TestStanding(t *testing.T) {
	for name, want := range map[string]standing{
		"in flight": running, "paused": running, "waiting": running, "promoting": running, "not seen yet": running, "asked to retry": running,
		"Deployment cannot be read": running, "promoted": idle, "taken back after a failure": idle, "aborted": rolledBack,
	} {
		s := inFlight(t)
		subjects[name](&s)
		if got := s.standing(); got != want {
			t.Errorf("%s stands as %s, not %s", name, got, want)
		}
	}
}

func TestExitOf(t *testing.T) {
	for standing, want := range map[standing]int{idle: ExitPromoted, rolledBack: ExitRolledBack, running: ExitRunning} {
		if got := ExitCode(exitOf(standing)); got != want {
			t.Errorf("%s ends with %d, not with %d", standing, got, want)
		}
	}
}

// TestWhatCanBeAsked checks which candidate a request would be for.
func TestWhatCanBeAsked(t *testing.T) {
	for name, want := range map[string]string{
		"in flight": "in flight 7c9e41d2#0, stopped #0", "not seen yet": "in flight 7c9e41d2#0, stopped #0", "promoted": "in flight #0, stopped #0",
		"aborted": "in flight #0, stopped 7c9e41d2#0", "promoting": "in flight #0, stopped #0",
		"Deployment cannot be read": "in flight 7c9e41d2#0, stopped #0", "taken back after a failure": "in flight #0, stopped #0",
	} {
		s := inFlight(t)
		subjects[name](&s)
		inFlight, stopped := s.inFlight(), s.stopped()
		if got := fmt.Sprintf("in flight %s#%d, stopped %s#%d", inFlight.Hash, inFlight.Attempt, stopped.Hash, stopped.Attempt); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}

func TestDifferences(t *testing.T) {
	for name, c := range map[string]struct {
		old, new workload.Template
		want     string
	}{
		"nothing":          {workload.Template{"a": "b"}, workload.Template{"a": "b"}, ""},
		"a field comes":    {workload.Template{}, workload.Template{"a": map[string]any{"b": int64(1)}}, "a: (none) → {\"b\":1}"},
		"a field goes":     {workload.Template{"a": "b"}, workload.Template{}, "a: b → (none)"},
		"items have names": {containers("x", "a"), containers("x", "b"), "spec.containers[x].image: a → b"},
		"an item comes":    {containers("x", "a"), containers("y", "a"), `spec.containers[x]: {"image":"a","name":"x"} → (none), spec.containers[y]: (none) → {"image":"a","name":"y"}`},
		"items have another key": {inContainer("ports", map[string]any{"containerPort": int64(80)}, map[string]any{"containerPort": int64(9898), "name": "http"}),
			inContainer("ports", map[string]any{"containerPort": int64(9898), "name": "web"}, map[string]any{"containerPort": int64(80)}), "spec.containers[x].ports[9898].name: http → web"},
		"items share a key": {inContainer("ports", map[string]any{"containerPort": int64(80), "protocol": "TCP"}, map[string]any{"containerPort": int64(80), "protocol": "UDP"}),
			inContainer("ports", map[string]any{"containerPort": int64(80), "protocol": "TCP"}),
			`spec.containers[x].ports: [{"containerPort":80,"protocol":"TCP"},{"containerPort":80,"… → [{"containerPort":80,"protocol":"TCP"}]`},
		"items of a field of a newer cluster have names": {inContainer("news", map[string]any{"name": "a", "b": "1"}), inContainer("news", map[string]any{"name": "a", "b": "2"}),
			"spec.containers[x].news[a].b: 1 → 2"},
		"items have no names":   {workload.Template{"args": []any{"a"}}, workload.Template{"args": []any{"b"}}, `args: ["a"] → ["b"]`},
		"long values are short": {workload.Template{"a": "b"}, workload.Template{"a": strings.Repeat("ü", 100)}, "a: b → " + strings.Repeat("ü", 60) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []string
			for _, d := range differences(c.old, c.new) {
				parts = append(parts, fmt.Sprintf("%s: %s → %s", d.path, d.old, d.new))
			}
			if got := strings.Join(parts, ", "); got != c.want {
				t.Errorf("got %s, not %s", got, c.want)
			}
		})
	}
}

// inContainer returns a template whose one container has a list.
func inContainer(list string, items ...any) workload.Template {
	return workload.Template{"spec": map[string]any{"containers": []any{map[string]any{"name": "x", list: items}}}}
}

func containers(name, image string) workload.Template {
	return workload.Template{"spec": map[string]any{"containers": []any{map[string]any{"name": name, "image": image}}}}
}
