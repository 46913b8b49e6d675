package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/e2e/app"
	"sluice.dev/sluice/e2e/traffic"
)

const (
	// glance is how often a rollout is looked at. More often, twenty of them would keep the API server busy.
	glance = time.Second
	// patience is how long what is not measured may take.
	patience = 5 * time.Minute
)

// slot runs one rollout after another in its own namespace.
type slot struct {
	*app.App
	settings
	use use
	// once does a shared disturbance for the whole batch.
	once *sync.Once
	run  *traffic.Run
}

// measure runs one rollout of a new application, and counts what its users got.
func (s *slot) measure(ctx context.Context) (measured, error) {
	if err := s.prepare(ctx); err != nil {
		return measured{}, err
	}
	defer s.run.Stop()
	began := time.Now()
	env := slices.Concat([]string{"set", "env", "deployment/" + app.Name, "VERSION=v2"}, s.use.canary)
	if _, err := s.Kubectl(ctx, "", env...); err != nil {
		return measured{}, err
	}
	disturbing, end := context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() { s.disturb(disturbing) })
	last, err := s.until(ctx, s.limit, func(status v1alpha1.CanaryStatus) bool { return ended(status) != open })
	end()
	over.Wait()
	if err != nil && !wait.Interrupted(err) || ctx.Err() != nil {
		return measured{}, fmt.Errorf("%s in namespace %s: %w", s.use.name, s.Namespace, err)
	}
	m := measured{outcome: ended(last), reason: last.Message, took: time.Since(began), failed: s.run.Report().Of("v2").Failed().Total()}
	if m.outcome == rolledBack {
		m.reason = last.Candidate.Reason
	}
	s.tell("%s at %g requests a second, %s: %s after %s, failed requests served: %d", s.use.name, s.use.rate, s.Namespace, m.outcome, m.took.Round(time.Second), m.failed)
	return m, s.remove(ctx)
}

// remove removes the application. A call that fails is repeated: a busy API server drops a connection now and then, and all that the
// command has measured would be lost with it.
func (s *slot) remove(ctx context.Context) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, glance, patience, true, func(ctx context.Context) (bool, error) {
		last = s.Delete(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("remove namespace %s: %w", s.Namespace, errors.Join(err, last))
	}
	return nil
}

// prepare deploys v1 and sends requests until Prometheus knows its rate.
func (s *slot) prepare(ctx context.Context) error {
	if err := s.remove(ctx); err != nil {
		return err
	}
	annotations := map[string]string{"sluice.dev/canary": "true"}
	maps.Copy(annotations, s.use.annotations)
	if err := s.Deploy(ctx, app.Options{Replicas: 1, Annotations: annotations, Env: s.use.primary}); err != nil {
		return err
	}
	if _, err := s.until(ctx, patience, func(status v1alpha1.CanaryStatus) bool { return status.Phase == v1alpha1.PhaseInitialized }); err != nil {
		return fmt.Errorf("the application of namespace %s is not initialized: %w", s.Namespace, err)
	}
	var err error
	if s.run, err = s.Traffic(ctx, s.use.rate); err != nil {
		return err
	}
	if err := pass(ctx, s.before); err != nil {
		s.run.Stop()
		return err
	}
	return nil
}

// disturb waits for the canary's first requests and then does what the use says. What ends with the rollout has no error.
func (s *slot) disturb(ctx context.Context) {
	d := s.use.disturbance
	if d == nil {
		return
	}
	begun := func(status v1alpha1.CanaryStatus) bool {
		open := status.Open()
		return open.Canary.TrafficStarted != nil && time.Since(open.Canary.TrafficStarted.Time) >= time.Duration(disturbedFrom)*time.Second
	}
	if _, err := s.until(ctx, s.limit, begun); err != nil {
		return
	}
	do := func() {
		if err := d.do(ctx, s.App, s.use.rate); err != nil && ctx.Err() == nil {
			s.problem(fmt.Errorf("%s in namespace %s: %w", s.use.name, s.Namespace, err))
		}
	}
	if d.shared {
		s.once.Do(do)
		return
	}
	do()
}

// ended is how a rollout has ended; open if it has not.
func ended(status v1alpha1.CanaryStatus) outcome {
	switch {
	case status.Phase == v1alpha1.PhaseSucceeded:
		return promoted
	case status.Candidate.Outcome == v1alpha1.OutcomeFailed && status.Phase == v1alpha1.PhaseFailed:
		return rolledBack
	case status.Open().Guard != nil && status.Open().Guard.Paused != nil:
		return paused
	}
	return open
}

// until waits for a status, and returns the last one in any case.
func (s *slot) until(ctx context.Context, within time.Duration, holds func(v1alpha1.CanaryStatus) bool) (last v1alpha1.CanaryStatus, err error) {
	err = wait.PollUntilContextTimeout(ctx, glance, within, true, func(ctx context.Context) (bool, error) {
		canary, err := s.Canary(ctx)
		if err != nil || canary == nil {
			return false, nil
		}
		last = canary.Status
		return holds(last), nil
	})
	return last, err
}
