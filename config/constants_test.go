package config

import (
	"slices"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/constants"
)

func TestTheTablesHaveEveryConstant(t *testing.T) {
	if hooks := constants.Of[v1alpha1.HookType](t, "../api/v1alpha1", "HookType"); !sameWords(hooks, HookTypes) {
		t.Errorf("the types of hooks are %v, HookTypes has %v", hooks, HookTypes)
	}
	if presets := constants.Of[Preset](t, ".", "Preset"); !sameWords(presets, Presets) {
		t.Errorf("the presets are %v, Presets has %v", presets, Presets)
	}
}

func sameWords[T ~string](a, b []T) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
