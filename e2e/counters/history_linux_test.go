package counters

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sluice.dev/sluice/internal/analysis/polls"
)

// minutes allows for two full minutes, which a history of two samples takes, on a busy machine.
const minutes = 2*time.Minute + patience

// TestTheLastHourIsWhatWasAnswered holds that a real Prometheus answers the query for the primary's last hour, and what it shows: each
// pod's requests in each minute, without the canary's.
func TestTheLastHourIsWhatWasAnswered(t *testing.T) {
	s := newShop(t)
	a, b, canary := newPod(t, "podinfo-7d9c5b-aaaaa", false), newPod(t, "podinfo-7d9c5b-bbbbb", false), newPod(t, "podinfo-canary-6f8b7c-ccccc", false)
	a.answer("200", 0.2, 1000)
	b.answer("500", 3, 500)
	s.pods = []*pod{a, b, canary}
	s.start()
	read := func() polls.Before {
		answer, err := s.provider.Raw(t.Context(), s.raw.History())
		s.Expect(err).NotTo(HaveOccurred())
		for _, series := range answer {
			s.Expect(series.Labels["pod"]).NotTo(HavePrefix("podinfo-canary"))
		}
		return polls.HistoryOf(s.raw, answer, time.Now(), false)
	}
	sampled := func() int {
		answer, err := s.provider.Raw(t.Context(), s.raw.History())
		s.Expect(err).NotTo(HaveOccurred())
		return len(answer)
	}
	s.Eventually(sampled, minutes, glance).Should(BeNumerically(">", 0), "the first sample of the hour")
	s.serve(a, 40, 2)
	s.serve(b, 18, 0)
	s.serve(canary, 0, 30)
	s.Eventually(func() int { return len(read().History.Windows) }, minutes, glance).Should(Equal(1), "the second sample of the hour")
	before := read()
	s.Expect(before.Rate).To(BeNumerically("~", 1, 1e-9))
	s.Expect(before.Errors).To(BeNumerically("~", 2.0/60, 1e-9))
	s.Expect(before.History.Bounds).To(Equal([]float64{0.1, slow, 1}))
	pods := before.History.Windows[0]
	s.Expect(pods).To(HaveLen(2))
	s.Expect(pods[0].Requests).To(Equal(42.0))
	s.Expect(pods[0].Slower).To(Equal([]float64{42, 2, 2}))
	s.Expect(pods[1].Slower).To(Equal([]float64{18, 0, 0}))
}
