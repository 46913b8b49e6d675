// Package progress reports what a long wait is doing, so that a terminal is never silent for long.
package progress

import (
	"fmt"
	"time"
)

// period is the time between two reports. Even a busy machine then reports every half minute.
const period = 20 * time.Second

// While does something that may take long and reports it periodically: what state returns and the time so far.
func While(say func(string), state func() string, do func() error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	return while(ticker.C, say, state, do)
}

func while(ticks <-chan time.Time, say func(string), state func() string, do func() error) error {
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			return err
		case <-ticks:
			say(fmt.Sprintf("%s (%s so far)", state(), time.Since(began).Round(time.Second)))
		}
	}
}
