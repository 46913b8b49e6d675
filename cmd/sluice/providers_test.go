package main

import (
	"slices"
	"testing"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/process"
)

func TestEveryProviderTypeHasARow(t *testing.T) {
	table, err := providers(process.Default())
	if err != nil {
		t.Fatal(err)
	}
	if rows := table.Types(); !slices.Equal(rows, slices.Sorted(slices.Values(v1alpha1.ProviderTypes))) {
		t.Errorf("the table has %v, a MetricTemplate can name %v", rows, v1alpha1.ProviderTypes)
	}
}
