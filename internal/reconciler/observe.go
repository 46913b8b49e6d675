package reconciler

import (
	"context"
	"crypto/rand"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
	"sluice.dev/sluice/config/policy"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/rollout"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/target"
)

// subjects are the objects that a tick is about.
type subjects struct {
	key     types.NamespacedName
	primary *appsv1.Deployment
	// canary is nil when there is nothing to do. It has no UID until the first tick creates it.
	canary *v1alpha1.Canary
}

// subjects reads the Deployment and its Canary. The cache may not show a new Canary yet.
func (r *reader) subjects(ctx context.Context, key types.NamespacedName) (subjects, error) {
	found := subjects{key: key}
	var err error
	if found.primary, err = fetch(ctx, r.cached, key, &appsv1.Deployment{}); err != nil {
		return found, err
	}
	found.canary, err = fetch(ctx, r.cached, key, &v1alpha1.Canary{})
	if err == nil && found.canary != nil {
		found.primary, err = r.whole(ctx, key, found.primary)
	}
	if err != nil || found.canary != nil || !isOptedIn(found.primary) {
		return found, err
	}
	found.canary, err = fetch(ctx, r.live, key, &v1alpha1.Canary{})
	if err == nil && found.canary == nil {
		found.canary = &v1alpha1.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	}
	return found, err
}

func isOptedIn(primary *appsv1.Deployment) bool {
	return primary != nil && primary.DeletionTimestamp == nil && config.OptedIn(primary.Annotations)
}

// reading is what one tick has read.
type reading struct {
	observed.World
	// canary is nil if there is nothing to do.
	canary *v1alpha1.Canary
	// facts are what the tick decides by. They follow from the World.
	facts rollout.Facts
	// needs are the calls and queries that the tick must make.
	needs rollout.Needs
}

// observe reads everything that a tick looks at. It changes nothing.
func (r *reader) observe(ctx context.Context, of subjects) (reading, error) {
	if of.canary == nil {
		return reading{}, nil
	}
	p, err := r.readParts(ctx, of)
	if err != nil || p.canary == nil {
		return reading{}, err
	}
	o := reading{canary: p.canary, World: r.observation(p)}
	// The other parts determine which templates and answers a tick looks for.
	terms := rollout.TermsOf(p.present.Policy, o.canary.Status, o.World)
	o.Templates, err = r.readTemplates(ctx, terms.Policy(), o.Namespace, o.Candidate != nil)
	if err != nil {
		return reading{}, err
	}
	named, err := r.readNamedGrants(ctx, target.NamedBackends(terms.Policy(), o.Namespace), o.Namespace)
	if err != nil {
		return reading{}, err
	}
	o.Grants = append(o.Grants, named...)
	facts := rollout.FactsOf(terms, o.canary.Status, o.World)
	o.needs = facts.Needs()
	o.HookAnswers = r.memory.hooks.answers(o.Key(), o.needs.Hooks)
	o.Samples, o.Sampled, _ = r.memory.samples.answers(o.Key(), ofChecks(o.needs))
	o.Counters, o.History = r.memory.counters.answers(o.Key(), o.needs)
	o.facts = facts.Answered(observed.Answers{Hooks: o.HookAnswers, Samples: o.Samples, Sampled: o.Sampled, Counters: o.Counters, History: o.History})
	return o, nil
}

// parts holds the reads that make up a World.
type parts struct {
	now time.Time
	subjects
	traffic
	held
	canaryObjects
	controlObjects
	surroundings
	coverage   *coverage.Reading
	podProblem string
	pods       *observed.Pods
	claims     map[string][]corev1.PersistentVolumeAccessMode
	present    policy.Present
	freezes    []v1alpha1.Freeze
	peers      []observed.Peer
}

// readParts reads the state of an open rollout after the routes. Routes are written only in the version that was read, so a
// weight that an older state asked for cannot overwrite what others have made of a newer one.
func (r *reader) readParts(ctx context.Context, of subjects) (p parts, err error) {
	p.subjects, p.held = of, r.memory.records.of(of.primary)
	if p.traffic, err = r.readTraffic(ctx, of.key); err != nil {
		return p, err
	}
	if p.canary, err = r.latest(ctx, of.canary); err != nil || p.canary == nil {
		return p, err
	}
	p.now = time.Now()
	if p.canaryObjects, err = r.readCanaryObjects(ctx, p.subjects, p.services); err != nil {
		return p, err
	}
	if p.needsSurroundings() {
		if p.controlObjects, err = r.readControlObjects(ctx, p.subjects, p.services); err != nil {
			return p, err
		}
	}
	if p.present, err = r.readPolicy(ctx, of.primary); err != nil {
		return p, err
	}
	if p.freezes, err = r.readFreezes(ctx); err != nil {
		return p, err
	}
	if p.needsSurroundings() {
		if p.surroundings, err = r.readSurroundings(ctx, p.canary); err != nil {
			return p, err
		}
		p.coverage = r.readCoverage(ctx, p)
		p.pods = r.readPods(ctx, of.primary, p.deployment, p.canary.Status)
		p.podProblem, p.claims = r.readPodProblem(ctx, p.deployment), r.readClaims(ctx, of.key.Namespace, p.candidate)
	}
	p.peers, err = r.readPeers(ctx, p)
	return p, err
}

// latest returns the Canary, or nil if it is gone. While a rollout is open or the Canary is being deleted, it reads from the
// API server.
func (r *reader) latest(ctx context.Context, cached *v1alpha1.Canary) (*v1alpha1.Canary, error) {
	if !observed.Active(cached.Status) && cached.DeletionTimestamp == nil {
		return cached, nil
	}
	return fetch(ctx, r.live, client.ObjectKeyFromObject(cached), &v1alpha1.Canary{})
}

// needsSurroundings reports whether a rollout is open, is about to begin or may have left anything. Otherwise there is no need
// to read what only a rollout looks at.
func (p parts) needsSurroundings() bool {
	return p.candidate != nil || p.previous != nil || p.deployment != nil || p.service != nil ||
		controllerutil.ContainsFinalizer(p.canary, config.Finalizer) || observed.Active(p.canary.Status)
}

// observation puts the parts together.
func (r *reader) observation(p parts) observed.World {
	return observed.World{
		Now: p.now, SeenSince: r.memory.seen.looked(p.key, p.now), Nonce: rand.Text()[:10], LastAsked: r.memory.counters.lastAsked(p.key),
		Namespace: p.key.Namespace, Name: p.key.Name,
		Prometheus: r.options.Prometheus, Limits: r.options.Limits, DryRun: r.options.DryRun,
		NoGrants: !r.options.CrossNamespaceGrants || r.known().grants == "", Watched: r.options.Namespaces,
		QueryNamespaces: r.options.QueryNamespaces,

		Spec: p.canary.Spec, DeletedAt: deletedAt(p.canary), Finalizer: controllerutil.ContainsFinalizer(p.canary, config.Finalizer),
		Primary: p.primary, Candidate: p.candidate, Previous: p.previous, Directs: p.directs, LeftOut: p.leftOut, Invalid: p.invalid,
		Policy: p.present.Status, PolicyProblem: p.present.Problem, Freezes: p.freezes, Peers: p.peers,

		Services: p.services, Routes: p.routes, Gateways: p.gateways, Classes: p.classes, ListenerSets: p.listenerSets,
		Grants: p.grants, GeneratedGrants: p.generated, Applied: r.memory.applied.get(p.key),

		CanaryDeployment: p.deployment, CanaryService: p.service, ReadyEndpoints: p.readyEndpoints, PrimaryEndpoints: p.primaryEndpoints, Foreign: p.foreign, Made: append(p.made, p.controls...),
		ControlEndpoints: p.controlReady, ControlForeign: p.controlForeign,
		Written: r.memory.writtenTo(p.key), Editor: p.editor,
		CanaryRefused: r.memory.refusals.get(p.key, p.candidate), CanaryForbidden: r.memory.refusals.forbids(p.key),
		PodProblem: p.podProblem, Pods: p.pods, Claims: p.claims,
		Autoscalers: p.autoscalers, ScaledObjects: p.scaledObjects, Budgets: p.budgets,
		NetworkPolicies: p.networkPolicies, Coverage: p.coverage,
	}
}

func deletedAt(canary *v1alpha1.Canary) *time.Time {
	if canary.DeletionTimestamp == nil {
		return nil
	}
	return &canary.DeletionTimestamp.Time
}
