// Package pressure measures how much of the time tasks of this machine waited for a CPU, as Linux reports it in
// /proc/pressure/cpu, so that a test can distinguish its result from the effect of a starved machine.
package pressure

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// File is where Linux reports it. Other systems, and kernels without PSI, do not have the file.
const File = "/proc/pressure/cpu"

// Sample is the content of the file at a moment.
type Sample struct {
	At time.Time
	// Waited is the time since the machine started in which some task waited for a CPU.
	Waited time.Duration
}

// Parse reads the content of the file. The total of the line "some" is enough: averages follow from two samples, and the line
// "full" has no meaning for CPUs.
func Parse(content string, at time.Time) (Sample, error) {
	for line := range strings.Lines(content) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "some" {
			continue
		}
		for _, word := range words[1:] {
			total, is := strings.CutPrefix(word, "total=")
			if !is {
				continue
			}
			microseconds, err := strconv.ParseInt(total, 10, 64)
			if err != nil {
				return Sample{}, fmt.Errorf("parse %s: %w", word, err)
			}
			return Sample{At: at, Waited: time.Duration(microseconds) * time.Microsecond}, nil
		}
	}
	return Sample{}, fmt.Errorf("no total of \"some\" in %q", content)
}

// History is a series of samples, oldest first.
type History []Sample

// Between returns the share of the time between two moments, 0 to 1, in which some task waited for a CPU. It uses the samples
// around these moments. With fewer than two it is unknown.
func (h History) Between(from, to time.Time) (share float64, known bool) {
	if len(h) < 2 {
		return 0, false
	}
	first, last := h[0], h[len(h)-1]
	for _, sample := range h {
		if !sample.At.After(from) {
			first = sample
		}
	}
	for i := len(h) - 1; i >= 0 && !h[i].At.Before(to); i-- {
		last = h[i]
	}
	if !last.At.After(first.At) {
		first, last = h[len(h)-2], h[len(h)-1]
	}
	return min(1, float64(last.Waited-first.Waited)/float64(last.At.Sub(first.At))), true
}

// enoughCores is how many cores carry a cluster and its tests side by side. The suite starts one process for each core up to
// that number.
const enoughCores = 4

// OnCores returns how long something may take on a machine with a number of cores, if it may take d on one with at least
// four: in proportion, but at most MostPatience times as long.
func OnCores(d time.Duration, cores int) time.Duration {
	return min(MostPatience*d, max(d, d*enoughCores/time.Duration(max(1, cores))))
}

// MostPatience is the factor by which a wait is stretched at most.
const MostPatience = 2

// Stretch returns how long to wait for something that takes at most a duration on an idle machine: twice as long if tasks wait
// for a CPU all the time.
func Stretch(d time.Duration, share float64) time.Duration {
	return min(MostPatience*d, time.Duration(float64(d)*(1+max(0, share))))
}
