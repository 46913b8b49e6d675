package plugin

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts.
const (
	// ExitPromoted means that the last change was promoted or that there is nothing to roll out.
	ExitPromoted = 0
	// ExitError means wrong usage, or that a request to the API server failed.
	ExitError = 1
	// ExitRolledBack means that the last change failed or was aborted.
	ExitRolledBack = 2
	// ExitRunning means that the rollout is still running.
	ExitRunning = 3
)

// Exit codes of lint and migrate, for scripts.
const (
	// ExitFindings means that the files have errors, or that an object could not be converted.
	ExitFindings = 1
	// ExitUsage means wrong usage, or a file that does not exist.
	ExitUsage = 2
)

// usageError is wrong usage of a command that works on files. It has not been printed.
type usageError struct{ error }

// ofFiles makes a command exit with ExitUsage after wrong usage, so that scripts can tell it from errors in the files.
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

// codedError ends the process with an exit code. Everything has been printed.
type codedError struct{ code int }

// Error names the exit code.
func (e codedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// IsPrinted reports whether an error has been printed.
func IsPrinted(err error) bool {
	var coded codedError
	return errors.As(err, &coded)
}

// ExitCode is the exit code for the error of a command.
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
