package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/rollout/observed"
)

// waiter is a candidate that waits for other rollouts to end.
type waiter struct {
	key   types.NamespacedName
	slot  slot
	asked time.Time
}

// slot is one rollout as the limits count it: a Deployment, or all members of a group, which wait for each other. Either
// group or name is set.
type slot struct{ namespace, group, name string }

func slotOf(namespace, name, group string) slot {
	if group != "" {
		return slot{namespace: namespace, group: group}
	}
	return slot{namespace: namespace, name: name}
}

func (s slot) String() string {
	if s.group != "" {
		return s.namespace + "/group " + s.group
	}
	return s.namespace + "/" + s.name
}

// running are the slots that are taken. moving are those of rollouts that nobody holds.
type running struct {
	limits observed.Limits
	slots  []slot
	moving map[slot]bool
}

func runningOf(peers []observed.Peer, limits observed.Limits, now time.Time) *running {
	r := &running{limits: limits, moving: map[slot]bool{}}
	for _, peer := range peers {
		if peer.HasPlace {
			r.take(slotOf(peer.Namespace, peer.Name, peer.Group), !peer.IsHeldBack(now))
		}
	}
	return r
}

func (r *running) take(s slot, moving bool) {
	if !slices.Contains(r.slots, s) {
		r.slots = append(r.slots, s)
	}
	r.moving[s] = r.moving[s] || moving
}

// against are the slots that count for a candidate of a namespace. A rollout that is paused or waits at a gate may do so for any
// time, so it counts only for its own namespace: nobody can keep others from rolling out by a pause.
func (r *running) against(namespace string) []slot {
	return slices.DeleteFunc(slices.Clone(r.slots), func(s slot) bool { return s.namespace != namespace && !r.moving[s] })
}

func (r *running) in(namespace string) []slot {
	return slices.DeleteFunc(slices.Clone(r.slots), func(s slot) bool { return s.namespace != namespace })
}

// full says which limit keeps a candidate from taking its slot; empty when none does.
func (r *running) full(w waiter) string {
	switch all, here := r.against(w.key.Namespace), r.in(w.key.Namespace); {
	case slices.Contains(r.slots, w.slot):
		return ""
	case r.limits.Cluster > 0 && len(all) >= r.limits.Cluster:
		return fmt.Sprintf("%d of %d rollouts are running in the cluster (%s)", len(all), r.limits.Cluster, r.some(all))
	case r.limits.Namespace > 0 && len(here) >= r.limits.Namespace:
		return fmt.Sprintf("%d of %d rollouts are running in namespace %s (%s)", len(here), r.limits.Namespace, w.key.Namespace, r.some(here))
	}
	return ""
}

// some lists the first few, and says which of them are held.
func (r *running) some(slots []slot) string {
	const most = 5
	names := make([]string, 0, len(slots))
	for _, s := range slots {
		name := s.String()
		if !r.moving[s] {
			name += ", held"
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return strings.Join(names, ", ")
}

// waitersOf returns the candidates in the queue, in the order in which they were asked for.
func waitersOf(peers []observed.Peer) []waiter {
	var queue []waiter
	for _, peer := range peers {
		if peer.State.Queue == nil || peer.HasPlace {
			continue
		}
		w := waiter{key: types.NamespacedName{Namespace: peer.Namespace, Name: peer.Name}, slot: slotOf(peer.Namespace, peer.Name, peer.Group)}
		if requested := peer.State.Candidate.Requested; requested != nil && requested.At != nil {
			w.asked = requested.At.Time
		}
		queue = append(queue, w)
	}
	slices.SortFunc(queue, before)
	return queue
}

// askedFor is when a candidate was asked for: that of an open rollout, or the one that may start.
func askedFor(state observed.State, o observed.World) time.Time {
	if observed.Active(state) || o.Candidate == nil {
		return observed.IDOf(state).At
	}
	return o.Candidate.At
}

// before is the order of the queue. The time of asking counts in microseconds, as the status records it.
func before(a, b waiter) int {
	return cmp.Or(a.asked.Truncate(time.Microsecond).Compare(b.asked.Truncate(time.Microsecond)), strings.Compare(a.key.String(), b.key.String()))
}

// Next returns the candidates in the queue that may start now.
func Next(peers []observed.Peer, limits observed.Limits, now time.Time) []types.NamespacedName {
	var next []types.NamespacedName
	taken := runningOf(peers, limits, now)
	for _, w := range waitersOf(peers) {
		if taken.full(w) == "" {
			taken.take(w.slot, true)
			next = append(next, w.key)
		}
	}
	return next
}

// Place is the candidate's position in the queue and what it waits for; empty when it may start. A rollout that replaces
// another keeps its slot, unless it has given that back. A candidate ahead that another limit holds back blocks nobody.
func Place(state observed.State, o observed.World, group string) (position int32, why string) {
	if !o.Limits.Any() || observed.Active(state) && state.Open().PlaceGivenBack == nil {
		return 0, ""
	}
	me := waiter{key: o.Key(), slot: slotOf(o.Namespace, o.Name, group), asked: askedFor(state, o)}
	taken := runningOf(o.Peers, o.Limits, o.Now)
	position = 1
	for _, w := range waitersOf(o.Peers) {
		if before(w, me) > 0 {
			break
		}
		position++
		if taken.full(w) == "" {
			taken.take(w.slot, true)
		}
	}
	return position, taken.full(me)
}
