package plugin

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/workload"
)

func (p *plugin) historyCommand() *cobra.Command {
	return p.forCanary("history", "List the last rollouts, newest first", func(cmd *cobra.Command, s *session, name string) error {
		subject, err := s.read(cmd.Context(), name)
		if err != nil {
			return err
		}
		history := subject.canary.Status.History
		if len(history) == 0 {
			_, err = fmt.Fprintf(s.ErrOut, "No rollout of %s has ended yet\n", name)
			return err
		}
		return writeHistory(s.Out, history, s.now())
	})
}

// writeHistory prints the table of ended rollouts.
func writeHistory(out io.Writer, history []v1alpha1.HistoryEntry, now time.Time) error {
	var page page
	page.table(historyRows(history, now))
	return page.writeTo(out)
}

func historyRows(history []v1alpha1.HistoryEntry, now time.Time) [][]string {
	rows := [][]string{{"CANDIDATE", "RETRY", "OUTCOME", "ENDED", "TOOK", "REQUESTED BY", "IMAGES", "REASON"}}
	for _, entry := range history {
		rows = append(rows, []string{workload.Short(entry.Candidate), retryOf(entry.Attempt), string(entry.Outcome), ago(now, entry.Finished.Time) + " ago",
			orNone(entry.Duration), orNone(entry.By), orNone(strings.Join(entry.Images, ",")), orNone(endedBecause(entry))})
	}
	return rows
}

// retryOf is the number of a retry; none for the first attempt.
func retryOf(attempt int32) string {
	if attempt == 0 {
		return orNone("")
	}
	return fmt.Sprint(attempt)
}

// endedBecause is the reason of an outcome, and how the versions compared that other people used.
func endedBecause(entry v1alpha1.HistoryEntry) string {
	compared := comparedText(entry.Compared)
	if entry.Reason == "" || compared == "" {
		return entry.Reason + compared
	}
	return entry.Reason + "; " + compared
}
