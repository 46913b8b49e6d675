package reconciler

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/rollout/events"
)

// mostEventsInPeriod is how many events of one Canary are recorded within eventPeriod. A rollout of many short steps has fewer.
// Somebody who changes a Deployment in a loop causes thousands, and each is stored twice.
const (
	mostEventsInPeriod = 200
	eventPeriod        = time.Hour
)

// budget counts the events of Canaries.
type budget struct {
	mu sync.Mutex
	of map[types.NamespacedName]*period
}

// period counts the events of one Canary in one period.
type period struct {
	began         time.Time
	sent, dropped int
	reasons       map[string]bool
}

// pass returns the events to record. Once the budget is used up, it drops events whose reason has been recorded in the same
// period, and says so then and at the beginning of the next period.
func (b *budget) pass(key types.NamespacedName, now time.Time, happened []events.Event) []events.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	var pass []events.Event
	current := b.of[key]
	if current == nil || now.Sub(current.began) >= eventPeriod {
		if current != nil && current.dropped > 0 {
			pass = append(pass, events.Dropped(current.dropped, current.began, current.began.Add(eventPeriod)))
		}
		current = &period{began: now, reasons: map[string]bool{}}
		if b.of == nil {
			b.of = map[types.NamespacedName]*period{}
		}
		b.of[key] = current
	}
	for _, event := range happened {
		pass = append(pass, current.pass(event)...)
	}
	return pass
}

func (p *period) pass(event events.Event) []events.Event {
	if p.sent < mostEventsInPeriod || !p.reasons[event.Reason] {
		p.sent++
		p.reasons[event.Reason] = true
		return []events.Event{event}
	}
	if p.dropped++; p.dropped == 1 {
		return []events.Event{events.Limited(mostEventsInPeriod, p.began.Add(eventPeriod))}
	}
	return nil
}

func (b *budget) forget(key types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, key)
}
