// Package progress says what a long wait is at, so that nobody sits before a silent terminal.
package progress

import (
	"fmt"
	"time"
)

// period is the time between two words; a machine with much to do still says one every half minute.
const period = 20 * time.Second

// While does something that may take long, and says again and again what it is at. What state returns is said with the time that
// has gone.
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
