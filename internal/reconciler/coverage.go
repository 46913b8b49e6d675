package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/coverage"
	"sluice.dev/sluice/internal/workload"
)

const (
	// coverageFresh is how long a look for policies counts for the candidate that it was for.
	coverageFresh = 5 * time.Second
	// coverageLimit is how long one look may take, and listLimit one of its lists.
	coverageLimit = 10 * time.Second
	listLimit     = 3 * time.Second
	// listedServices is how many Services of a primary are looked at. With more than one, a rollout starts only if one is named.
	listedServices = 20
)

// cover is what the look for a candidate has found.
type cover struct {
	candidate string
	at        time.Time
	found     *coverage.Reading
}

// readCoverage returns the policies and monitors that may miss the canary of the candidate, or nil if nobody has looked for it. It
// looks only while no canary gets requests: a slow API of another project must not keep them from being taken away.
func (r *reader) readCoverage(ctx context.Context, p parts) *coverage.Reading {
	key := p.key
	if !p.candidate.InFlight() || p.primary == nil {
		r.memory.covers.forget(key)
		return nil
	}
	id, now := p.candidate.ID().String(), time.Now()
	known, has := r.memory.covers.get(key)
	switch isKnown := has && known.candidate == id; {
	case isKnown && (isExposed(p.canary.Status.Phase) || now.Sub(known.at) < coverageFresh):
		return known.found
	case isExposed(p.canary.Status.Phase):
		return nil
	}
	found := r.look(ctx, key.Namespace, primariesOf(p))
	r.memory.covers.put(key, cover{candidate: id, at: now, found: found})
	return found
}

// isExposed reports whether a canary may get requests in a phase.
func isExposed(phase v1alpha1.Phase) bool {
	return phase == v1alpha1.PhaseProgressing || phase == v1alpha1.PhaseWaitingPromotion || phase == v1alpha1.PhasePromoting
}

// primariesOf is what objects can select the primary by, once for each of its Services.
func primariesOf(p parts) []coverage.Workload {
	primary := coverage.Workload{Namespace: p.key.Namespace, Deployment: p.primary.Name, DeploymentLabels: p.primary.Labels, Pods: p.primary.Spec.Template.Labels}
	all := []coverage.Workload{primary}
	services := workload.ServicesOf(p.primary, p.services)
	for _, service := range services[:min(len(services), listedServices)] {
		primary.Service, primary.ServiceLabels = service.Name, service.Labels
		all = append(all, primary)
	}
	return all
}

// look reads the kinds that the cluster has, a page at a time, and keeps what may count.
func (r *reader) look(ctx context.Context, namespace string, primaries []coverage.Workload) *coverage.Reading {
	found := &coverage.Reading{}
	if r.sources == nil {
		return found
	}
	limited, cancel := context.WithTimeout(ctx, coverageLimit)
	defer cancel()
	found.NamespaceLabels = r.sources.namespaceLabels(limited, namespace)
	for i := range primaries {
		primaries[i].NamespaceLabels = found.NamespaceLabels
	}
	served, err := r.sources.served(limited)
	if err != nil {
		log.FromContext(ctx).Error(err, "find the kinds of policies that the cluster has; rollouts go on without them")
		found.Unread = append(found.Unread, "policies of all kinds (the API server does not say which kinds it has)")
		return found
	}
	for _, kind := range served {
		r.lookAt(limited, kind, namespace, primaries, found)
	}
	return found
}

// lookAt reads the objects of one kind.
func (r *reader) lookAt(ctx context.Context, kind servedKind, namespace string, primaries []coverage.Workload, found *coverage.Reading) {
	name := kind.Kind.Kind + " of " + kind.Group
	switch skip, mayNot := r.sources.skipped(kind); {
	case mayNot:
		found.Forbidden = append(found.Forbidden, name)
		return
	case skip:
		found.Unread = append(found.Unread, name+" (its API fails)")
		return
	}
	for _, at := range r.namespacesFor(kind.Kind, namespace) {
		err := r.sources.list(ctx, kind, at, func(content []byte) bool {
			return found.Add(coverage.Read(kind.Kind, content), primaries...)
		})
		switch {
		case err == nil:
		case apierrors.IsForbidden(err):
			r.sources.note(kind, true)
			found.Forbidden = append(found.Forbidden, name)
			return
		case apierrors.IsNotFound(err):
			r.sources.forgetServed()
			return
		case errors.Is(err, errTooMuch):
			found.Unread = append(found.Unread, name+" (there is too much of it)")
			return
		case ctx.Err() != nil:
			found.Unread = append(found.Unread, name+" (not read in time)")
			return
		default:
			r.sources.note(kind, false)
			log.FromContext(ctx).Error(err, "the API of a kind fails; rollouts go on without it", "kind", name, "again-in", failurePeriod)
			found.Unread = append(found.Unread, name+" (its API fails)")
			return
		}
	}
}

// namespacesFor returns the namespaces to list objects of a kind in; an empty one stands for all.
func (r *reader) namespacesFor(kind coverage.Kind, namespace string) []string {
	switch watched := r.options.Namespaces; {
	case kind.Scope == coverage.Cluster:
		return []string{metav1.NamespaceAll}
	case kind.Scope == coverage.Anywhere:
		return r.readable()
	case kind.Root == "" || kind.Root == namespace || len(watched) > 0 && !slices.Contains(watched, kind.Root):
		return []string{namespace}
	}
	return []string{namespace, kind.Root}
}

// errTooMuch means that a list is longer than what is read of it.
var errTooMuch = errors.New("the list is too long")

// eachItem calls a function with each item of a list, one at a time, until it returns false. It returns the token of the next page.
func eachItem(body io.Reader, each func(json.RawMessage) bool) (next string, err error) {
	decoder := json.NewDecoder(body)
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return "", errors.Join(errors.New("the answer is not a list"), err)
	}
	var list metav1.ListMeta
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return "", fmt.Errorf("read a list: %w", err)
		}
		switch key {
		case "items":
			err = items(decoder, each)
		case "metadata":
			err = decoder.Decode(&list)
		default:
			err = decoder.Decode(&json.RawMessage{})
		}
		if err != nil {
			return "", fmt.Errorf("read a list: %w", err)
		}
	}
	return list.Continue, nil
}

func items(decoder *json.Decoder, each func(json.RawMessage) bool) error {
	start, err := decoder.Token()
	if err != nil || start == nil {
		return err
	}
	for decoder.More() {
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		if !each(item) {
			return errTooMuch
		}
	}
	_, err = decoder.Token()
	return err
}
