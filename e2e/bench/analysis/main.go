// Command analysis plays rollouts under the guard, under Flagger's rule and under the rule before the guard, prints tables in
// Markdown, and fails if the guard misses a goal.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"sluice.dev/sluice/internal/simulate/goals"
	"sluice.dev/sluice/internal/simulate/traffic"
)

func main() {
	size := goals.Size{}
	rates := flag.String("rates", "1,10,100,1000,10000", "requests a second")
	flag.IntVar(&size.Rollouts, "rollouts", 400, "rollouts of each scenario")
	flag.IntVar(&size.Healthy, "healthy", 3000, "rollouts of each scenario whose canary should be promoted")
	flag.Uint64Var(&size.Seed, "seed", 1, "seed of the traffic")
	flag.Parse()
	for rate := range strings.SplitSeq(*rates, ",") {
		rps, err := strconv.ParseFloat(rate, 64)
		if err != nil {
			fmt.Fprintln(os.Stderr, "Error: -rates:", err)
			os.Exit(1)
		}
		size.Rates = append(size.Rates, rps)
	}
	if err := run(os.Stdout, size); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, size goals.Size) error {
	missed, others := 0, goals.Others(size)
	for _, scrape := range []traffic.Seconds{2, 5} {
		measured := goals.Measure(size, scrape, others, true)
		if err := measured.Write(out); err != nil {
			return err
		}
		n, err := write(out, goals.Check(measured))
		if err != nil {
			return err
		}
		missed += n
	}
	// Slower scrapes are shown and have no goals.
	for _, scrape := range []traffic.Seconds{15, 30, 60} {
		measured := goals.Measure(size, scrape, others, false)
		if err := measured.Write(out); err != nil {
			return err
		}
		if _, err := write(out, goals.Check(measured)); err != nil {
			return err
		}
	}
	if err := goals.WriteSliding(out, goals.Sliding(size)); err != nil {
		return err
	}
	if missed > 0 {
		return errors.New("the guard misses goals: see above")
	}
	return nil
}

// write writes the goals and returns how many are missed.
func write(out io.Writer, all []goals.Goal) (missed int, err error) {
	if _, err := fmt.Fprintln(out); err != nil {
		return 0, err
	}
	for _, goal := range all {
		state := "met"
		if !goal.Met {
			state = "MISSED"
			missed++
		}
		if _, err := fmt.Fprintf(out, "- %s %s: %s\n", state, goal.Name, goal.Says); err != nil {
			return missed, err
		}
	}
	_, err = fmt.Fprintln(out)
	return missed, err
}
