package plugin

import (
	"errors"
	"fmt"
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
	switch {
	case err == nil:
		return ExitPromoted
	case errors.As(err, &coded):
		return coded.code
	}
	return ExitError
}
