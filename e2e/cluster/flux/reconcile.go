package main

import (
	"context"
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautils "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	controller = "kustomize-controller"
	group      = "kustomize.toolkit.fluxcd.io"
)

// reconcile applies what differs from a dry run, and prints for each object what was done.
func reconcile(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured) error {
	manager.SetOwnerLabels(objects, "apps", "flux-system")
	if err := normalize.UnstructuredList(objects); err != nil {
		return fmt.Errorf("normalise the manifest: %w", err)
	}
	changes, err := manager.ApplyAllStaged(ctx, objects, options())
	if err != nil {
		return fmt.Errorf("apply the manifest: %w", err)
	}
	for _, change := range changes.Entries {
		fmt.Println(change.Subject, change.Action)
	}
	return nil
}

// options are those that the controller sets by default.
func options() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{group + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{group + "/force": "Enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{"kubectl.kubernetes.io/last-applied-configuration", group + "/checksum", "fluxcd.io/sync-checksum"},
		Labels:      []string{"fluxcd.io/sync-gc-mark"},
		// The controller takes over what anybody has written with kubectl.
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
func diff(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured) error {
	manager.SetOwnerLabels(objects, "apps", "flux-system")
	for _, object := range objects {
		change, _, _, err := manager.Diff(ctx, object, ssa.DefaultDiffOptions())
		if err != nil {
			return fmt.Errorf("compare %s with the cluster: %w", ssautils.FmtUnstructured(object), err)
		}
		fmt.Println(change.Subject, change.Action)
	}
	return nil
}

// health prints for each object what Flux's health checks make of it as it is in the cluster.
func health(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		live := object.DeepCopy()
		if err := manager.Client().Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return fmt.Errorf("get %s: %w", ssautils.FmtUnstructured(object), err)
		}
		result, err := status.Compute(live)
		if err != nil {
			return fmt.Errorf("compute the status of %s: %w", ssautils.FmtUnstructured(object), err)
		}
		fmt.Println(ssautils.FmtUnstructured(object), result.Status)
	}
	return nil
}
