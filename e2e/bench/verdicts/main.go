// Command verdicts measures on the cluster of the checkout how right the guard's verdicts are, and how many failed requests are served
// until then. It prints a table in Markdown with the simulator's prediction beside it, and fails if a goal is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"sluice.dev/sluice/e2e/app"
)

// settings are the flags.
type settings struct {
	// runs is how often each rollout is measured, parallel how many at a time.
	runs, parallel int
	// simulated is how many rollouts the simulator plays for each kind.
	simulated int
	// only names what is measured.
	only *regexp.Regexp
	// before is how long requests are sent before a rollout, limit how long it may take.
	before, limit time.Duration
	// problem reports what went wrong beside a rollout, tell how one has ended.
	problem func(error)
	tell    func(format string, args ...any)
}

func main() {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := settings{problem: func(err error) { fmt.Fprintln(os.Stderr, "Warning:", err) },
		tell: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	flag.IntVar(&s.runs, "runs", 10, "rollouts of each kind; of a healthy version twice as many")
	flag.IntVar(&s.parallel, "parallel", 10, "rollouts at a time")
	flag.IntVar(&s.simulated, "simulated", 400, "simulated rollouts of each kind")
	flag.DurationVar(&s.before, "before", 3*time.Minute, "how long requests are sent before a rollout")
	flag.DurationVar(&s.limit, "limit", 20*time.Minute, "how long a rollout may take; one that takes longer is open")
	only := flag.String("only", "", "regular expression for what is measured, such as 'ERROR_RATE=0.5 at 50'")
	flag.Parse()
	var err error
	if s.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, os.Stdout, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, s settings) error {
	if s.runs < 1 || s.parallel < 1 || s.simulated < 1 {
		return errors.New("-runs, -parallel and -simulated must be at least 1")
	}
	if _, err := fmt.Fprint(out, heading); err != nil {
		return err
	}
	var details strings.Builder
	missed := 0
	for _, u := range s.uses() {
		all, err := s.measure(ctx, u)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(out, row(u, all, predict(u, s.simulated))); err != nil {
			return err
		}
		missed += len(misses(u, all))
		if err := explain(&details, u, all); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "\n%s", details.String()); err != nil {
		return err
	}
	if missed > 0 {
		return errors.New("the guard misses goals: see above")
	}
	return nil
}

// uses returns what is measured.
func (s settings) uses() []use {
	return slices.DeleteFunc(uses(s.runs), func(u use) bool { return !s.only.MatchString(fmt.Sprintf("%s at %g", u.name, u.rate)) })
}

// measure runs all rollouts of a use, some at a time.
func (s settings) measure(ctx context.Context, u use) ([]measured, error) {
	all := make([]measured, 0, u.runs)
	for len(all) < u.runs {
		batch, err := s.batch(ctx, u, min(s.parallel, u.runs-len(all)))
		if err != nil {
			return nil, err
		}
		all = append(all, batch...)
	}
	return all, nil
}

// batch runs rollouts at the same time, each in its own namespace.
func (s settings) batch(ctx context.Context, u use, size int) ([]measured, error) {
	all, errs := make([]measured, size), make([]error, size)
	var once sync.Once
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() {
			a, err := app.Connect(ctx, fmt.Sprintf("verdicts-%d", i))
			if err != nil {
				errs[i] = err
				return
			}
			one := &slot{App: a, settings: s, use: u, once: &once}
			all[i], errs[i] = one.measure(ctx)
		})
	}
	running.Wait()
	return all, errors.Join(errs...)
}
