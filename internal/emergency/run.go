package emergency

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// period is the interval between two looks at the cluster.
const period = 500 * time.Millisecond

// Switch turns Sluice off and on.
type Switch struct {
	// Client must not read from a cache.
	Client client.Client
	// Namespace is the namespace of the release where no webhook names it.
	Namespace string
	// Options say how. Now is the time of the first look.
	Options Options
	// Tell is called after each write, with its error. Wait is called with what is waited for, each time that changes.
	Tell func(Step, error)
	Wait func(why string)

	// period is the interval between two looks; 0 for the usual one.
	period  time.Duration
	told    map[string]bool
	waiting string
}

// Off turns Sluice off, until nothing is missing and the replica that reconciled has certainly stopped, or until only what fails is
// left. It returns the last look at the cluster, and what is left: errors.
func (s *Switch) Off(ctx context.Context) (World, []string) {
	for {
		w := Read(ctx, s.Client, s.Namespace)
		off := TurnOff(w, s.now())
		failed, settled := s.apply(ctx, off.Steps)
		stopped := !s.Options.Now.Before(off.Record.Stopped)
		if settled && stopped {
			return w, left(w.Unread, failed, off.Kept, off.Left)
		}
		if !stopped {
			s.wait(fmt.Sprintf("until %s, when the replica that had the lease has certainly stopped; what it writes until then is taken back",
				off.Record.Stopped.Local().Format(time.TimeOnly)))
		}
		if !s.pause(ctx) {
			return w, left(w.Unread, failed, off.Kept, off.Left, []string{"the time-out has ended; run this again"})
		}
	}
}

// On brings Sluice back, once one of its replicas is ready. It returns what is left: errors.
func (s *Switch) On(ctx context.Context) []string {
	for {
		w := Read(ctx, s.Client, s.Namespace)
		on, err := TurnOn(w, s.now())
		if err != nil {
			return left(w.Unread, nil, []string{err.Error()})
		}
		steps, why := on.next(w, s.Options.Force)
		failed, settled := s.apply(ctx, steps)
		if settled && why == "" {
			return left(w.Unread, failed)
		}
		if why != "" {
			s.wait("for a replica that is ready: " + why)
		}
		if !s.pause(ctx) {
			return left(w.Unread, failed, []string{"Sluice is still off: " + why})
		}
	}
}

// next returns the steps that can be done now, and why no more.
func (o On) next(w World, force bool) (steps []Step, why string) {
	switch why = w.NotReady(); {
	case o.Start != nil:
		return []Step{*o.Start}, ""
	case len(o.Guard) > 0 && why != "" && !force:
		return nil, why
	case len(o.Guard) > 0:
		return o.Guard, ""
	case o.Release != nil:
		return []Step{*o.Release}, ""
	}
	return nil, ""
}

func (s *Switch) now() Options {
	s.Options.Now = time.Now()
	return s.Options
}

// apply does every step, even if another one fails. It is settled if another look would find the same: nothing was written, and
// nothing has changed under a write. Each error is told once.
func (s *Switch) apply(ctx context.Context, steps []Step) (failed []string, settled bool) {
	settled = true
	if s.told == nil {
		s.told = map[string]bool{}
	}
	for _, step := range steps {
		err := Apply(ctx, s.Client, step)
		if err == nil || apierrors.IsConflict(err) {
			settled = false
		}
		if err == nil {
			s.Tell(step, nil)
			continue
		}
		text := fmt.Sprintf("%s: %v", step.Object, err)
		failed = append(failed, text)
		if !apierrors.IsConflict(err) && !s.told[text] {
			s.told[text] = true
			s.Tell(step, err)
		}
		if step.records && apierrors.IsConflict(err) {
			break
		}
	}
	return failed, settled
}

func (s *Switch) wait(why string) {
	if s.waiting != why {
		s.waiting = why
		s.Wait(why)
	}
}

// pause waits for the next look. It returns false if there is none.
func (s *Switch) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(cmp.Or(s.period, period)):
		return true
	}
}

func left(unread []error, lists ...[]string) []string {
	var all []string
	for _, err := range unread {
		all = append(all, err.Error())
	}
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// Unread returns what could not be read.
func Unread(w World) []string { return left(w.Unread) }

// Would returns what would be left if Sluice were turned off now.
func Would(w World, options Options) []string {
	off := TurnOff(w, options)
	return left(w.Unread, off.Kept, off.Left)
}
