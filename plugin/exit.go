package plugin

import "errors"

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

// codedError is an error that ends the process with its own exit code.
type codedError struct {
	code int
	text string
}

// Error is the sentence that is printed.
func (e codedError) Error() string { return e.text }

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
