package main

import (
	"context"
	"fmt"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautils "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	controller = "kustomize-controller"
	group      = "kustomize.toolkit.fluxcd.io"
)

// reconcile applies the objects that differ from a dry run, and prints for each object what was done.
func (k *kustomization) reconcile(ctx context.Context) error {
	k.manager.SetOwnerLabels(k.objects, "apps", "flux-system")
	if err := normalize.UnstructuredList(k.objects); err != nil {
		return fmt.Errorf("normalise the manifest: %w", err)
	}
	changes, err := k.manager.ApplyAllStaged(ctx, k.objects, options())
	if err != nil {
		return fmt.Errorf("apply the manifest: %w", err)
	}
	for _, change := range changes.Entries {
		fmt.Println(change.Subject, change.Action)
	}
	return nil
}

// options are the controller's defaults.
func options() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{group + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{group + "/force": "Enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{"kubectl.kubernetes.io/last-applied-configuration", group + "/checksum", "fluxcd.io/sync-checksum"},
		Labels:      []string{"fluxcd.io/sync-gc-mark"},
		// The controller takes over everything that was written with kubectl.
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: controller, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{group + "/ssa": "Merge"},
	}
	return options
}

// diff prints for each object whether it has drifted.
func (k *kustomization) diff(ctx context.Context) error {
	k.manager.SetOwnerLabels(k.objects, "apps", "flux-system")
	for _, object := range k.objects {
		change, _, _, err := k.manager.Diff(ctx, object, ssa.DefaultDiffOptions())
		if err != nil {
			return fmt.Errorf("compare %s with the cluster: %w", ssautils.FmtUnstructured(object), err)
		}
		fmt.Println(change.Subject, change.Action)
	}
	return nil
}
