package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	ssautils "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// health prints for each object the result of the Kustomization's health checks.
func (k *kustomization) health(ctx context.Context) error {
	checks, err := k.healthChecks()
	if err != nil {
		return err
	}
	for _, object := range k.objects {
		name := ssautils.FmtUnstructured(object)
		live := object.DeepCopy()
		if err := k.manager.Client().Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
			return fmt.Errorf("get %s: %w", name, err)
		}
		result, err := compute(ctx, checks, live)
		if err != nil {
			return fmt.Errorf("compute the status of %s: %w", name, err)
		}
		fmt.Println(name, result.Status)
	}
	return nil
}

// compute uses the expressions for the object's kind or, without any, Flux's own knowledge of the kind.
func compute(ctx context.Context, checks []kustomize.CustomHealthCheck, live *unstructured.Unstructured) (*status.Result, error) {
	for _, check := range checks {
		if check.APIVersion != live.GetAPIVersion() || check.Kind != live.GetKind() {
			continue
		}
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return nil, err
		}
		return evaluator.Evaluate(ctx, live)
	}
	return status.Compute(live)
}

func (k *kustomization) healthChecks() ([]kustomize.CustomHealthCheck, error) {
	if k.file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(k.file)
	if err != nil {
		return nil, fmt.Errorf("read the Kustomization: %w", err)
	}
	var manifest struct {
		Spec struct {
			HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(content, &manifest); err != nil {
		return nil, fmt.Errorf("read the Kustomization %s: %w", k.file, err)
	}
	return manifest.Spec.HealthCheckExprs, nil
}
