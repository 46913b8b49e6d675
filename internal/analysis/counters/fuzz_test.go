package counters

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"sluice.dev/sluice/internal/analysis"
)

// hostile makes polls of any bytes: few identities, so that they meet, and any times and values.
func hostile(data []byte) (polls []Poll) {
	next := func() uint64 {
		var b [8]byte
		n := copy(b[:], data)
		data = data[n:]
		return binary.LittleEndian.Uint64(b[:])
	}
	for len(data) > 0 && len(polls) < 8 {
		p := Poll{Now: time.UnixMilli(int64(next() >> 2)), Began: time.UnixMilli(int64(next())), Created: map[string]time.Time{"a": time.UnixMilli(int64(next()))}}
		for range data[:min(len(data), 1)] {
			for range next() % 12 {
				header := next()
				s := Series{ID: header & 15, Target: header >> 4 & 7, Family: header >> 8 & 3, Arm: Arm(header >> 12 & 3), Kind: Kind(header >> 14 & 3), Class: uint8(header >> 16)}
				s.Pod = []string{"", "a", "b", ""}[header>>24&3]
				s.Bound = []float64{1, all, math.NaN(), math.Float64frombits(header)}[header>>26&3]
				for range header >> 32 & 7 {
					time, value := next(), next()
					p := analysis.Point{At: int64(time), Value: math.Float64frombits(value)}
					if header>>40&3 > 0 {
						p.At, p.Value = int64(time&63), float64(value&255)
					}
					s.Samples = append(s.Samples, p)
				}
				p.Series = append(p.Series, s)
			}
		}
		polls = append(polls, p)
	}
	return polls
}

// FuzzAdvance holds that no samples make a panic, a state that cannot be read again, or counts that no requests can have.
func FuzzAdvance(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"))
	random := rand.NewChaCha8([32]byte{13})
	for range 200 {
		data := make([]byte, 3000)
		_, _ = random.Read(data)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var state State
		for _, p := range hostile(data) {
			next, result := Advance(state, p)
			for _, i := range []Increments{result.Canary, result.Primary} {
				if !i.possible() || i.Requests < 0 || i.Errors < 0 || math.IsNaN(i.Requests) {
					t.Fatalf("counted %+v", i)
				}
			}
			state = kept(t, next)
		}
	})
}

func FuzzParse(f *testing.F) {
	state, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(1)), Began: began, Series: crowd("primary", 2, 2, 1, 7)})
	f.Add(state.Text())
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil {
			kept(t, s)
		}
	})
}

// TestLargeAnswersTakeLittleMemory has as many series as an answer can have, each of another pod.
func TestLargeAnswersTakeLittleMemory(t *testing.T) {
	series := append(crowd("primary", 4000, 1, 1, 1, 3, 2), crowd("canary", 4000, 1, 1, 1, 3, 2)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	state, _ := Advance(State{}, Poll{Now: time.UnixMilli(at(5)), Began: began, Series: series})
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d KiB were allocated", took>>10)
	}
	if len(state.targets) > 2*mostTargets || len(state.Text()) > 8<<10 {
		t.Errorf("the state has %d targets and %d bytes", len(state.targets), len(state.Text()))
	}
}
