package main

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	jsonpatch "github.com/evanphx/json-patch/v5"
)

// status prints for each object whether it is in sync and what a sync would change. With self-heal it then syncs, as Argo CD
// does when the cluster has drifted.
func (a *application) status(ctx context.Context) error {
	options, done, err := a.compareOptions()
	if err != nil {
		return err
	}
	defer done()
	outOfSync := false
	for i, object := range a.target {
		result, err := diff.Diff(object.DeepCopy(), a.live[i], options...)
		if err != nil {
			return fmt.Errorf("compare %s %s with the cluster: %w", object.GetKind(), object.GetName(), err)
		}
		if !result.Modified {
			fmt.Printf("%s/%s Synced\n", object.GetKind(), object.GetName())
			continue
		}
		outOfSync = true
		change, err := jsonpatch.CreateMergePatch(result.NormalizedLive, result.PredictedLive)
		if err != nil {
			return fmt.Errorf("tell the difference of %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		fmt.Printf("%s/%s OutOfSync %s\n", object.GetKind(), object.GetName(), change)
	}
	if outOfSync && a.selfHeal {
		return a.sync(ctx)
	}
	return nil
}

// compareOptions are the controller's options for the compare and sync options of an Application.
func (a *application) compareOptions() ([]diff.Option, func(), error) {
	_, parser, err := a.kubectl.LoadOpenAPISchema(a.config)
	if err != nil {
		return nil, nil, fmt.Errorf("load the schema: %w", err)
	}
	applier, done, err := a.kubectl.ManageServerSideDiffDryRuns(a.config)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare a dry run: %w", err)
	}
	return []diff.Option{
		diff.WithGVKParser(parser),
		diff.WithManager(manager),
		diff.WithStructuredMergeDiff(a.serverSideApply),
		diff.WithServerSideDiff(a.serverSideDiff),
		diff.WithIgnoreMutationWebhook(!a.mutationWebhook),
		diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)),
	}, done, nil
}
