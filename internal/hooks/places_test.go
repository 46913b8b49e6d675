package hooks

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
)

// crowd has many calls wait for a place of their namespace.
type crowd struct {
	*places
	leave chan struct{}
}

func (c *crowd) come(ctx context.Context, namespace string, entered chan<- string) {
	giveBack, err := c.take(ctx, namespace)
	if err != nil {
		return
	}
	entered <- namespace
	<-c.leave
	giveBack()
}

func TestAttemptsAreLimited(t *testing.T) {
	for name, c := range map[string]struct {
		namespaces, each, inside int
		others                   bool
	}{
		"as many as may be":       {1, mostInNamespace, mostInNamespace, true},
		"of one namespace":        {1, 10 * mostInNamespace, mostInNamespace, true},
		"of many namespaces":      {2 * mostInAll / mostInNamespace, 2 * mostInNamespace, mostInAll, false},
		"of few namespaces":       {3, 2 * mostInNamespace, 3 * mostInNamespace, true},
		"one of very many others": {2 * mostInAll, 1, mostInAll, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowd := crowd{places: newPlaces(), leave: make(chan struct{})}
				ctx, cancel := context.WithCancel(t.Context())
				entered := make(chan string, c.namespaces*c.each+1)
				for i := range c.namespaces * c.each {
					go crowd.come(ctx, fmt.Sprint(i%c.namespaces), entered)
				}
				synctest.Wait()
				if len(entered) != c.inside {
					t.Errorf("%d have a place", len(entered))
				}
				go crowd.come(ctx, "shop", entered)
				synctest.Wait()
				if got := len(entered) > c.inside; got != c.others {
					t.Errorf("another namespace gets a place: %v", got)
				}
				cancel()
				close(crowd.leave)
				synctest.Wait()
				if len(crowd.namespaces) > 0 || !crowd.all.TryAcquire(mostInAll) {
					t.Error("places are not given back")
				}
			})
		})
	}
}
