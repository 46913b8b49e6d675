package plugin

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// oneName accepts the name of one Canary.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && args[0] != "" {
		return nil
	}
	return fmt.Errorf("expected the name of one Canary: %s NAME; kubectl sluice list shows the names", cmd.CommandPath())
}

// mostOneName accepts at most one name of a Freeze.
func mostOneName(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return fmt.Errorf("expected at most one Freeze name, got %q: %s [NAME]; put a reason of several words in quotes", args, cmd.CommandPath())
}

// noArguments accepts only flags; instead says what to use in place of an argument.
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

// Set parses a duration; the error shows the format.
func (s *span) Set(text string) error {
	duration, err := time.ParseDuration(text)
	if err != nil || duration < 0 {
		return errors.New("must be a duration with a unit, such as 30m or 2h")
	}
	*s = span(duration)
	return nil
}

// String formats the duration; empty for zero, so that help shows no default.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Type is the name of the value in help.
func (s *span) Type() string { return "duration" }
