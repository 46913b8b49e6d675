package hooks

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// How many attempts there are at the same time. Each takes a connection, and the process has a limited number of them.
const (
	mostInNamespace = 16
	mostInAll       = 512
)

// places limits the attempts at the same time. Further ones wait, in the order in which they come.
type places struct {
	all *semaphore.Weighted

	mu         sync.Mutex
	namespaces map[string]*namespacePlaces
}

type namespacePlaces struct {
	free *semaphore.Weighted
	// users are those that have a place or wait for one.
	users int
}

func newPlaces() *places {
	return &places{all: semaphore.NewWeighted(mostInAll), namespaces: map[string]*namespacePlaces{}}
}

// take waits for a place of a namespace. It returns how to give it back, or the error of a context that has ended meanwhile.
// A call that waits for its namespace takes no place of others.
func (p *places) take(ctx context.Context, namespace string) (giveBack func(), err error) {
	of := p.enter(namespace)
	if err := of.free.Acquire(ctx, 1); err != nil {
		p.leave(namespace)
		return nil, err
	}
	if err := p.all.Acquire(ctx, 1); err != nil {
		of.free.Release(1)
		p.leave(namespace)
		return nil, err
	}
	return func() {
		p.all.Release(1)
		of.free.Release(1)
		p.leave(namespace)
	}, nil
}

func (p *places) enter(namespace string) *namespacePlaces {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.namespaces[namespace]
	if of == nil {
		of = &namespacePlaces{free: semaphore.NewWeighted(mostInNamespace)}
		p.namespaces[namespace] = of
	}
	of.users++
	return of
}

func (p *places) leave(namespace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if of := p.namespaces[namespace]; of.users == 1 {
		delete(p.namespaces, namespace)
	} else {
		of.users--
	}
}
