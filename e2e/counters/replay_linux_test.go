package counters

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"sluice.dev/sluice/internal/plugin"
)

// replayed is what the plugin says of a past rollout.
type replayed struct {
	Verdict struct {
		Action string
		Weight float64
	}
	Canary  struct{ Requests, Failed float64 }
	Minutes int `json:"minutesBefore"`
}

// TestAPastRolloutIsReplayed lets a bad canary get a tenth of the requests, and asks the plugin afterwards what the guard would have done.
func TestAPastRolloutIsReplayed(t *testing.T) {
	s := newShop(t)
	primary := newPod(t, "podinfo-7d9c5b-aaaaa", false)
	s.pods = []*pod{primary}
	s.start()
	s.Eventually(s.last, patience, glance).Should(HaveLen(1), "the primary is scraped")
	s.serve(primary, 100, 0)
	s.began = time.Now()
	canary := newPod(t, "podinfo-canary-6f8b7c-ccccc", true)
	s.scrape(canary)
	s.Eventually(s.last, patience, glance).Should(HaveLen(2), "the canary is scraped")
	served := func() (up map[string]float64) {
		s.serve(primary, 90, 0)
		s.serve(canary, 7, 3)
		return s.last()
	}
	end := time.Now().Add(10 * time.Second)
	s.Eventually(func() bool { served(); return time.Now().After(end) }, patience, glance).Should(BeTrue(), "ten seconds of requests")

	var got replayed
	s.Eventually(func(g Gomega) {
		var out bytes.Buffer
		root := plugin.NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
		root.SetArgs([]string{"simulate", "podinfo", "-n", "shop", "--from-prometheus", "http://" + s.address, "--preset", "app", "-o", "json",
			"--start", s.began.Format(time.RFC3339Nano), "--end", time.Now().Format(time.RFC3339Nano)})
		g.Expect(root.ExecuteContext(s.Context())).To(Succeed())
		g.Expect(json.Unmarshal(out.Bytes(), &got)).To(Succeed())
		answered, _ := s.read()
		g.Expect(got.Canary.Requests).To(Equal(answered.requests), "all that the canary answered")
		g.Expect(got.Canary.Failed).To(Equal(answered.errors))
	}, patience, glance).Should(Succeed())
	s.Expect(got.Verdict.Action).To(Equal("rollback"))
	s.Expect(got.Verdict.Weight).To(BeEquivalentTo(10))
}
