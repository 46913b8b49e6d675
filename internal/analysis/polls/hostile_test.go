package polls

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/counters"
	"sluice.dev/sluice/internal/analysis/guard"
)

// odd are values that no counter should have, and some that it has.
var odd = []float64{0, 1, 2, 3, 10, 1000, .5, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e9, 1e300, math.MaxFloat64, math.SmallestNonzeroFloat64}

// hostile makes an answer of any bytes: few labels, so that series meet, and any times and values.
func hostile(data []byte) (answer []analysis.RawSeries) {
	next := func() uint64 {
		var b [8]byte
		n := copy(b[:], data)
		data = data[n:]
		return binary.LittleEndian.Uint64(b[:])
	}
	for len(data) > 0 {
		h := next()
		name := []string{"http_requests_total", "http_request_duration_seconds_bucket", "http_request_duration_seconds", "up"}[h&3]
		s := serie(name, []string{"pod", []string{aCanary, aPrimary, aSecond, ""}[h>>2&3], "code", []string{"200", "500", "", "x"}[h>>4&3],
			"le", []string{"0.25", "+Inf", "-Inf", "1"}[h>>6&3], "path", strconv.Itoa(int(h >> 8 & 1))})
		for range h >> 16 & 7 {
			point := analysis.Point{At: int64(next()), Value: odd[h>>20%uint64(len(odd))]}
			if h>>9&3 > 0 {
				at := next()
				point = analysis.Point{At: began.UnixMilli() + (int64(at&127)-100)*60_000, Value: odd[at>>8%uint64(len(odd))]}
			}
			s.Samples = append(s.Samples, point)
			if h>>12&3 == 0 {
				s.Histograms = append(s.Histograms, analysis.HistogramPoint{At: point.At, Count: point.Value, Buckets: []analysis.HistogramBucket{{Lower: 0, Upper: point.Value, Count: point.Value}}})
			}
		}
		answer = append(answer, s)
	}
	return answer
}

func checkCounts(t *testing.T, c guard.Counts, bounds []float64) {
	t.Helper()
	if !(c.Errors >= 0 && c.Errors <= c.Requests && c.Requests <= math.MaxFloat64) || len(c.Slower) > len(bounds) || len(c.Slower) == 0 && c.Timed != 0 {
		t.Fatalf("%+v with bounds %v", c, bounds)
	}
	for _, slower := range c.Slower {
		if !(slower >= 0 && slower <= c.Timed) {
			t.Fatalf("%+v", c)
		}
	}
}

func checkBounds(t *testing.T, bounds []float64) {
	t.Helper()
	for i, bound := range bounds {
		if !(bound > 0 && bound < math.MaxFloat64) || i > 0 && bound <= bounds[i-1] {
			t.Fatalf("bounds %v", bounds)
		}
	}
}

// checkAnswer holds that no answer makes counts that no requests can have.
func checkAnswer(t *testing.T, answer []analysis.RawSeries, alones ...bool) {
	t.Helper()
	for _, alone := range alones {
		workload := "podinfo-canary"
		if alone {
			workload = "podinfo"
		}
		by := raw(t, config.PresetApp, workload)
		before := HistoryOf(by, answer, began, alone)
		if !(before.Rate >= 0 && before.Rate <= math.MaxFloat64 && before.Errors >= 0 && before.Errors <= 1) || len(before.History.Windows) > 60 {
			t.Fatalf("%+v", before)
		}
		checkBounds(t, before.History.Bounds)
		for _, window := range before.History.Windows {
			for _, pod := range window {
				checkCounts(t, pod, before.History.Bounds)
			}
		}
		state, _ := counters.Advance(counters.State{}, Look{Raw: by, Answer: answer[:len(answer)/2], Now: began.Add(time.Minute), Began: began, Alone: alone}.Poll())
		_, result := counters.Advance(state, Look{Raw: by, Answer: answer, Now: began.Add(time.Hour), Began: began, Alone: alone}.Poll())
		poll := Of(result, time.Hour, guard.DefaultWarmUp)
		checkBounds(t, poll.Bounds)
		checkCounts(t, poll.Canary, poll.Bounds)
		checkCounts(t, poll.Primary, poll.Bounds)
	}
}

func FuzzAnswers(f *testing.F) {
	random := rand.NewChaCha8([32]byte{14})
	for range 200 {
		data := make([]byte, 2000)
		_, _ = random.Read(data)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkAnswer(t, hostile(data), false, true) })
}

// TestHugeAnswersTakeBoundedTimeAndMemory has far more series than an answer can have.
func TestHugeAnswersTakeBoundedTimeAndMemory(t *testing.T) {
	const many = 100_000
	one := make([]analysis.RawSeries, 0, many)
	for i := range many {
		one = append(one, timed(aPrimary, fmt.Sprint(i+1), float64(many-i), float64(i), float64(many-i)))
	}
	pods := make([]analysis.RawSeries, 0, many)
	for i := range many {
		pods = append(pods, answered(fmt.Sprintf("podinfo-7d9c5b-%05d", i), "200", 0, 1, 2))
	}
	for name, answer := range map[string][]analysis.RawSeries{"pods": pods, "bounds of one pod": slices.Insert(one, 0, timed(aPrimary, "+Inf", 0, many, 2*many))} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		checkAnswer(t, answer, false)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 200<<20 {
			t.Errorf("%s: %d MiB were allocated", name, took>>20)
		}
		t.Logf("%s: %s and %d MiB", name, time.Since(began), (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}
