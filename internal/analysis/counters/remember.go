package counters

import (
	"cmp"
	"fmt"
	"slices"
)

// primaries is how many series may be remembered before the canary's, which come later, have the rest to themselves.
const primaries = mostSeries * 2 / 3

// remember returns the state for the next poll, and what does not fit into it. A poll that does not count leaves alone what is
// known, and only adds what is new. Until both versions are known, the known one is not counted but
// followed, so that its requests from before the other began are not compared with anything.
func (l *look) remember(counts bool) (State, string) {
	follows := counts || !l.all(l.knows)
	m := memory{targets: make([]target, 0, len(l.targets)), known: make([]counted, 0, len(l.State.series))}
	for _, t := range l.targets {
		moves := counts || follows && t.known
		if moves || !t.known {
			l.add(&m, t, moves)
		}
	}
	if len(m.targets) == 0 {
		return l.State, ""
	}
	next := l.State
	next.targets = merged(m.targets, l.State.targets, inTargets)
	next.series = merged(m.known, l.State.series, inSeries)
	next.makeRoom(l.targets, len(m.canary)+len(m.primary))
	return next, next.store(m)
}

// memory is what a poll adds to the state: targets, series that it has, and new ones of each version.
type memory struct {
	targets                []target
	known, canary, primary []counted
}

// add adds a target and its series, up to the last sample if it moves, else up to the one that it is counted from.
func (l *look) add(m *memory, t seen, moves bool) {
	m.targets = append(m.targets, l.followed(t, moves))
	for _, s := range t.series {
		if s.Kind == Scrapes || t.young && !moves {
			continue
		}
		last := l.base(t, s)
		if newest := s.Samples[len(s.Samples)-1]; moves && newest.At > last.At {
			last = newest
		}
		if last.At == never {
			continue
		}
		c := counted{id: s.ID, target: t.id, at: last.At, value: last.Value}
		switch _, known := l.State.counted(s.ID); {
		case known:
			m.known = append(m.known, c)
		case s.Arm != Primary:
			m.canary = append(m.canary, c)
		default:
			m.primary = append(m.primary, c)
		}
	}
}

// followed returns a target with the time of the sample that the next poll counts from.
func (l *look) followed(t seen, moves bool) target {
	if moves {
		t.last = max(t.last, t.newest)
		return t.target
	}
	if t.young {
		t.last = birth
		return t.target
	}
	for _, s := range t.series {
		t.last = max(t.last, l.base(t, s).At)
	}
	return t.target
}

// merged returns both lists in one, in order. What both have is taken from the first, which it puts in order; the second is.
func merged[T any](first, second []T, order func(a, b T) int) []T {
	slices.SortStableFunc(first, order)
	all := make([]T, 0, len(first)+len(second))
	for len(first) > 0 && len(second) > 0 {
		if order(first[0], second[0]) <= 0 {
			all, first = append(all, first[0]), first[1:]
		} else {
			all, second = append(all, second[0]), second[1:]
		}
	}
	all = append(append(all, first...), second...)
	return slices.CompactFunc(all, func(a, b T) bool { return order(a, b) == 0 })
}

// makeRoom forgets pods and gateways that are not seen any more, those that are gone for longest first, until there is room for
// new series.
func (s *State) makeRoom(present []seen, wanted int) {
	var gone []target
	for _, t := range s.targets {
		if !slices.ContainsFunc(present, func(p seen) bool { return p.id == t.id }) {
			gone = append(gone, t)
		}
	}
	slices.SortFunc(gone, func(a, b target) int { return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.id, b.id)) })
	for _, g := range gone {
		if len(s.targets) <= 3*mostTargets && len(s.series)+wanted <= primaries {
			return
		}
		s.forgot = max(s.forgot, g.last)
		s.targets = slices.DeleteFunc(s.targets, func(t target) bool { return t.id == g.id })
		s.series = slices.DeleteFunc(s.series, func(c counted) bool { return c.target == g.id })
	}
}

// store remembers new series as far as there is room. It returns what to say if there is not enough.
func (s *State) store(m memory) (problem string) {
	room := max(0, primaries-len(s.series))
	added := append(m.primary[:min(room, len(m.primary))], m.canary...)
	added = added[:min(mostSeries-len(s.series), len(added))]
	left := len(m.canary) + len(m.primary) - len(added)
	if len(added) > 0 {
		s.series = merged(added, s.series, inSeries)
	}
	if left == 0 {
		return ""
	}
	s.partial = true
	return fmt.Sprintf("%d counters are not remembered, because %d are the most: their requests are counted, but not those of a time "+
		"in which the controller does not run; fewer values of labels help", left, mostSeries)
}
