package guard

import "testing"

// TestAnUpdateAllocatesNothing has all tests of twelve metrics.
func TestAnUpdateAllocatesNothing(t *testing.T) {
	settings, state, poll, moment := used(t, MaxPairs)
	settings = settings.sane()
	if n := testing.AllocsPerRun(100, func() { state.observe(&settings, &poll, &moment) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { state.evidence(&settings) }); n > 0 {
		t.Errorf("evidence: %v allocations", n)
	}
}

// BenchmarkUpdate is one update of all tests: two of errors, four bounds, a limit, sixteen of the user's own, and the route.
func BenchmarkUpdate(b *testing.B) {
	settings, state, poll, moment := used(b, MaxPairs)
	settings = settings.sane()
	b.ReportAllocs()
	for b.Loop() {
		state.observe(&settings, &poll, &moment)
	}
}

// BenchmarkTick is one whole tick of twelve metrics, with its words.
func BenchmarkTick(b *testing.B) {
	settings, state, poll, moment := used(b, 5)
	b.ReportAllocs()
	for b.Loop() {
		state, _ = Decide(settings, state, &poll, moment)
	}
}

// BenchmarkStore is writing a state.
func BenchmarkStore(b *testing.B) {
	_, state, _, _ := used(b, 5)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := state.MarshalText(); err != nil {
			b.Fatal(err)
		}
	}
}
