package suite

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"sluice.dev/sluice/e2e/pressure"
)

// machine measures how much of the time tasks of this machine wait for a CPU. It is nil if the system does not measure that.
var machine, noPressure = pressure.Watch(context.Background())

// pressureEntry is the name of the report entry of a spec.
const pressureEntry = "CPU pressure"

// A spec reports what the machine did beside what it measured.
var _ = AfterEach(func() {
	AddReportEntry(pressureEntry, duringSpec())
})

func duringSpec() string {
	return fmt.Sprintf("%s, load %s on %d cores", machine.Tell(CurrentSpecReport().StartTime, time.Now()), pressure.Load(), runtime.NumCPU())
}

// fail reports a failure together with the pressure, which does not excuse it.
func fail(message string, skip ...int) {
	now := time.Now()
	const here = 1
	Fail(fmt.Sprintf("%s\n\nCPU pressure in this spec: %s; before this failure: %s", message, duringSpec(), machine.Tell(now.Add(-10*time.Second), now)),
		here+slices.Max(append(skip, 0)))
}

// least is the shortest time-out of a wait: several times what the slowest rollout of the specs needs on an idle machine.
const least = 3 * time.Minute

// patience is how long to wait for something. A machine whose tasks wait for a CPU gets up to twice as much time. The expected
// result is the same. No spec asserts how long something takes: where specs compare moments, Sluice or the traffic has recorded
// both. Shares of requests are taken from the end of a step, when even a slow gateway serves its weight.
func patience() time.Duration {
	now := time.Now()
	share, _ := machine.Between(now.Add(-time.Minute), now)
	return pressure.Stretch(least, share)
}

// timeout is patience as a flag of kubectl and helm.
func timeout() string {
	return "--timeout=" + patience().Round(time.Second).String()
}

// List the specs by duration, longest first, to show what the suite spends its time on.
var _ = ReportAfterSuite("times", func(report Report) {
	if machine == nil {
		GinkgoWriter.Println("CPU pressure is not known:", noPressure)
	}
	specs := slices.DeleteFunc(slices.Clone(report.SpecReports), func(s SpecReport) bool { return s.LeafNodeType.String() != "It" })
	slices.SortFunc(specs, func(a, b SpecReport) int { return cmp.Compare(b.RunTime, a.RunTime) })
	for _, s := range specs {
		GinkgoWriter.Printf("%4.0fs  %s: ", s.RunTime.Seconds(), s.FullText())
		for _, entry := range s.ReportEntries {
			if entry.Name == pressureEntry {
				GinkgoWriter.Print(entry.StringRepresentation())
			}
		}
		GinkgoWriter.Println()
	}
})
