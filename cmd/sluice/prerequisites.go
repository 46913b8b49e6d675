package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/process"
)

const (
	// publishing is how long an API server may take to serve CRDs that it has, after its own start or an upgrade of the CRDs.
	publishing = 10 * time.Second
	// firstLook is the pause after the first look at an API server. It doubles up to longestLook.
	firstLook   = time.Second
	longestLook = 10 * time.Second
)

// prerequisites are what the process needs of the cluster before it does anything.
type prerequisites struct {
	// look returns what is wrong with the cluster, or why that cannot be told because the API server is away.
	look func() (wrong, away error)
	// first and longest are the pauses between two looks; patience is how long something may be wrong.
	first, longest, patience time.Duration
	// ready says what is waited for.
	ready readiness
}

func prerequisitesOf(settings process.Settings) (*prerequisites, error) {
	restConfig, scheme, err := connection(settings)
	if err != nil {
		return nil, err
	}
	http, err := rest.HTTPClientFor(restConfig)
	if err != nil {
		return nil, fmt.Errorf("make the client of the API server: %w", err)
	}
	mapper, err := apiutil.NewDynamicRESTMapper(restConfig, http)
	if err != nil {
		return nil, fmt.Errorf("make the mapper of kinds: %w", err)
	}
	described, err := discovery.NewDiscoveryClientForConfigAndClient(restConfig, http)
	if err != nil {
		return nil, fmt.Errorf("make the client for discovery: %w", err)
	}
	p := &prerequisites{first: firstLook, longest: longestLook, patience: publishing, look: func() (error, error) {
		if wrong, away := lacksKinds(scheme, mapper); wrong != nil || away != nil {
			return wrong, away
		}
		return lacksFields(described.OpenAPIV3())
	}}
	p.ready.fails(errNotAsked)
	return p, nil
}

var errNotAsked = errors.New("waiting for the API server")

// await waits for the API server for as long as it is away. It returns an error if the API server answers and something stays
// wrong with the cluster, because only a user can mend that. It returns no error if the context ends.
func (p *prerequisites) await(ctx context.Context) error {
	var wrongSince time.Time
	for pause := p.first; ; pause = min(2*pause, p.longest) {
		wrong, away := p.look()
		switch {
		case wrong == nil && away == nil:
			return nil
		case away != nil:
			wrongSince = time.Time{}
			p.note(fmt.Errorf("waiting for the API server: %w", away))
		default:
			if wrongSince.IsZero() {
				wrongSince, pause = time.Now(), p.first
			}
			if time.Since(wrongSince) >= p.patience {
				return wrong
			}
			p.note(wrong)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (p *prerequisites) note(why error) {
	p.ready.fails(why)
	ctrl.Log.WithName("setup").Info("not serving yet", "because", why.Error())
}

// lacksKinds returns an error that says what to do if the cluster lacks a type that Sluice depends on.
func lacksKinds(scheme *runtime.Scheme, mapper meta.RESTMapper) (wrong, away error) {
	for _, object := range []client.Object{&gatewayv1.HTTPRoute{}, &v1alpha1.Canary{}, &v1alpha1.CanaryPolicy{}, &v1alpha1.ClusterCanaryPolicy{}, &v1alpha1.Freeze{}} {
		kinds, _, err := scheme.ObjectKinds(object)
		if err != nil {
			return fmt.Errorf("look up %T: %w", object, err), nil
		}
		if _, err := mapper.RESTMapping(kinds[0].GroupKind(), kinds[0].Version); meta.IsNoMatchError(err) {
			return fmt.Errorf("the cluster does not serve %s: install the CRDs of the Gateway API (standard channel, v1) and those of Sluice, which are in the chart", kinds[0]), nil
		} else if err != nil {
			return nil, fmt.Errorf("look up %s: %w", kinds[0], err)
		}
	}
	return nil, nil
}
