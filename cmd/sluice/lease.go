package main

import (
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"sluice.dev/sluice/config/process"
)

// leaseName is the lease of the replica that reconciles. Every replica serves admission.
const leaseName = "sluice"

// leaseOf returns the lease as held by the pod (environment variables POD_NAME and POD_UID). A container that has crashed takes
// the lease again as soon as it runs, because the one before cannot run any more. Nil outside a pod: each process is a holder of
// its own.
func leaseOf(config *rest.Config, settings process.Settings) (resourcelock.Interface, error) {
	name, uid := os.Getenv("POD_NAME"), os.Getenv("POD_UID")
	if name == "" || uid == "" || !settings.LeaderElection.Enabled {
		return nil, nil
	}
	return resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, settings.Namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: name + "_" + uid}, config, settings.LeaderElection.RenewDeadline.Duration)
}
