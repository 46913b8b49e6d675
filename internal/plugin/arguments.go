package plugin

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// oneName is for commands that are about one Canary.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && args[0] != "" {
		return nil
	}
	return fmt.Errorf("expected the name of one Canary: %s NAME; kubectl sluice list shows the names", cmd.CommandPath())
}

// mostOneName is for commands that are about one Freeze.
func mostOneName(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return fmt.Errorf("expected at most one Freeze name, got %q: %s [NAME]; put a reason of several words in quotes", args, cmd.CommandPath())
}

// noArguments is for commands that have flags alone; instead says which one to use.
func noArguments(instead string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("%s takes no arguments, got %q: %s", cmd.CommandPath(), args[0], instead)
	}
}

// span is the value of a flag that takes a duration.
type span time.Duration

// Set reads a duration; the error says how one is written.
func (s *span) Set(text string) error {
	duration, err := time.ParseDuration(text)
	if err != nil || duration < 0 {
		return errors.New("must be a duration with a unit, such as 30m or 2h")
	}
	*s = span(duration)
	return nil
}

// String is the duration as it is written; empty for none, so that help shows no default.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Type is what help calls the value.
func (s *span) Type() string { return "duration" }
