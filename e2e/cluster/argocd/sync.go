package main

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/go-logr/logr"
)

// mostSteps is the most waves that a sync of a few objects can have.
const mostSteps = 10

// sync applies the manifest and prints what was done.
func (a *application) sync(context.Context) error {
	operation, done, err := sync.NewSyncContext("revision", sync.ReconciliationResult{Target: a.target, Live: a.live}, a.config, a.config, a.kubectl, a.namespace,
		sync.WithLogr(logr.Discard()),
		sync.WithManifestValidation(true),
		sync.WithServerSideApply(a.serverSideApply),
		sync.WithServerSideApplyManager(manager),
		sync.WithClientSideApplyMigration(true, common.DefaultClientSideApplyMigrationManager),
	)
	if err != nil {
		return fmt.Errorf("prepare the sync: %w", err)
	}
	defer done()
	for range mostSteps {
		operation.Sync()
		phase, message, results := operation.GetState()
		if !phase.Completed() {
			continue
		}
		for _, result := range results {
			fmt.Printf("%s/%s %s %s\n", result.ResourceKey.Kind, result.ResourceKey.Name, result.Status, result.Message)
		}
		if !phase.Successful() {
			return fmt.Errorf("sync: %s: %s", phase, message)
		}
		return nil
	}
	return fmt.Errorf("sync: not complete after %d steps", mostSteps)
}
