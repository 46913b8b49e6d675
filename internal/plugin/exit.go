package plugin

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts.
const (
	// ExitPromoted means that the last change was promoted, or that there is nothing to roll out.
	ExitPromoted = 0
	// ExitError means wrong usage, or that the API server refused or could not be asked.
	ExitError = 1
	// ExitRolledBack means that the last change failed or was aborted.
	ExitRolledBack = 2
	// ExitRunning means that the rollout is still going on.
	ExitRunning = 3
)

// Exit codes of lint and migrate, for scripts.
const (
	// ExitFindings means that something is wrong in the files, or that nothing could be made of an object.
	ExitFindings = 1
	// ExitUsage means wrong usage, or a file that is not there.
	ExitUsage = 2
)

// usageError is wrong usage of a command with exit codes of its own. It has not been printed.
type usageError struct{ error }

// ofFiles gives a command that works on files the exit codes of such: what is wrong in how it is called is told from what is
// wrong in the files.
func ofFiles(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := noArguments("name files with -f")(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{flagError(cmd, err)} })
	return cmd
}

// codedError ends the process with its own exit code. All that there is to say has been printed.
type codedError struct{ code int }

// Error is for those who print it all the same.
func (e codedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// Told reports whether an error has been printed already.
func Told(err error) bool {
	var coded codedError
	return errors.As(err, &coded)
}

// ExitCode is the exit code for what a command returned.
func ExitCode(err error) int {
	var coded codedError
	var usage usageError
	switch {
	case err == nil:
		return ExitPromoted
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &coded):
		return coded.code
	}
	return ExitError
}
