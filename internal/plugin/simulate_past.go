package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/analysis/polls"
	"sluice.dev/sluice/internal/outbound"
	"sluice.dev/sluice/internal/provider/prometheus"
	"sluice.dev/sluice/internal/simulate/replay"
	"sluice.dev/sluice/internal/simulate/report"
	"sluice.dev/sluice/internal/workload"
)

const (
	// longestPast is how long a past rollout may be. Its polls are kept in memory.
	longestPast = 24 * time.Hour
	// longestAnswer and shortestAnswer are how much of the record is asked for at once. It is halved while the answer is too long.
	longestAnswer, shortestAnswer = 5 * time.Minute, 10 * time.Second
)

// past is what a user says about a past rollout.
type past struct {
	address, start, end string
	preset, service     string
}

func (r *past) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&r.address, "from-prometheus", "", "URL of the Prometheus that has recorded a past rollout of NAME, to replay it")
	flags.StringVar(&r.start, "start", "", "When the past rollout began, such as 2026-01-02T12:00:00Z")
	flags.StringVar(&r.end, "end", "", "When its analysis ended, at most 24h later")
	flags.StringVar(&r.preset, "preset", "", "Which metrics count its requests: "+config.PresetNames()+"; default: the policy's")
	flags.StringVar(&r.service, "service", "", "Service of the Deployment, if it has another name")
}

// recorded is a past rollout that can be read.
type recorded struct {
	name       string
	target     analysis.Target
	raw        analysis.Raw
	start, end time.Time
	server     *prometheus.Provider
}

// replay reads a past rollout and writes what the guard would have done.
func (p *plugin) replay(cmd *cobra.Command, s simulation, args []string) error {
	if err := s.checkOutput(); err != nil {
		return usageError{err}
	}
	if s.scenario != "" || len(s.peers) > 0 {
		return usageError{errors.New("--scenario and --peer are for simulated traffic: leave them out with --from-prometheus")}
	}
	asked, err := p.policyToSimulate(s.policy)
	if err != nil {
		return err
	}
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return fmt.Errorf("find the namespace: %w", err)
	}
	r, err := s.past.recorded(namespace, args, asked.preset)
	if err != nil {
		return usageError{err}
	}
	record, err := r.read(cmd.Context())
	if err != nil {
		return err
	}
	result := replay.Replay(record, asked.plan())
	if err := r.missing(record, result); err != nil {
		return err
	}
	return writeReplay(p.Out, report.Replay{Name: r.name, Result: result}, s.output)
}

// recorded checks what the user says.
func (r past) recorded(namespace string, args []string, preset config.Preset) (recorded, error) {
	if len(args) != 1 {
		return recorded{}, errors.New("name one Deployment whose past rollout is replayed, such as simulate podinfo --from-prometheus URL")
	}
	name, err := plainName(args[0])
	if err != nil {
		return recorded{}, err
	}
	service := cmp.Or(r.service, name)
	made := recorded{name: namespace + "/" + name, target: analysis.Target{Namespace: namespace, Service: workload.CanaryServiceName(service), Workload: workload.CanaryName(name),
		Primary: name, PrimaryService: service}}
	if made.start, made.end, err = r.times(); err != nil {
		return recorded{}, err
	}
	preset = cmp.Or(config.Preset(r.preset), preset)
	known := false
	if made.raw, known = analysis.RawFor(preset, made.target); !known {
		return recorded{}, fmt.Errorf("--preset %q: must be one of %s", preset, config.PresetNames())
	}
	made.server, err = prometheus.New(r.address, outbound.Rules{})
	if err != nil {
		return recorded{}, fmt.Errorf("--from-prometheus: %w", err)
	}
	return made, nil
}

func (r past) times() (start, end time.Time, err error) {
	if start, err = time.Parse(time.RFC3339, r.start); err == nil {
		end, err = time.Parse(time.RFC3339, r.end)
	}
	if err != nil {
		return start, end, fmt.Errorf("--start %q --end %q: both must be times such as 2026-01-02T12:00:00Z", r.start, r.end)
	}
	if length := end.Sub(start); length <= 0 || length > longestPast {
		return start, end, fmt.Errorf("--end %s: must be after --start %s, by at most %s", r.end, r.start, longestPast)
	}
	return start, end, nil
}

// read reads the record in answers that are short enough, one after the other.
func (r recorded) read(ctx context.Context) (*replay.Record, error) {
	record, length := replay.NewRecord(r.raw, r.start, polls.Before{}), longestAnswer
	switch answer, err := r.server.Raw(ctx, r.raw.History().At(r.start)); {
	case err == nil:
		record = replay.NewRecord(r.raw, r.start, polls.HistoryOf(r.raw, answer, r.start, false))
	case isTooMuch(err):
		record.Tell("the hour before is not known: " + withoutURL(err).Error())
	default:
		return nil, fmt.Errorf("read the hour before %s: %w", r.start.UTC().Format(time.RFC3339), withoutURL(err))
	}
	for from := r.start.Add(-replay.Ahead); from.Before(r.end); {
		until := from.Add(length)
		if until.After(r.end) {
			until = r.end
		}
		answer, err := r.server.Raw(ctx, r.raw.Query(until.Sub(from)).At(until))
		if isTooMuch(err) && length > shortestAnswer {
			length = max(length/2, shortestAnswer)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read what was recorded from %s to %s: %w", from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339), withoutURL(err))
		}
		record.Add(answer, until)
		from = until
	}
	return record, nil
}

// isTooMuch reports whether a shorter answer may be read where this one could not.
func isTooMuch(err error) bool {
	return errors.Is(err, prometheus.ErrTooLong) || errors.Is(err, context.DeadlineExceeded)
}

// withoutURL drops the URL of a transport error: it may be long, and says nothing that the user has not written.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// missing says what the record lacks, and what to check.
func (r recorded) missing(record *replay.Record, result replay.Result) error {
	canary, primary := record.Has()
	what, check := "", ""
	switch {
	case !canary && !primary:
		what, check = "no requests to either version", "the namespace, the name, --preset and --service, and whether Prometheus keeps data for that long"
	case !canary:
		what, check = "no requests to the canary "+r.target.Workload, "whether a rollout was open then, and whether the canary's pods are scraped"
	case !primary:
		what, check = "no requests to the primary "+r.target.Primary, "whether its pods are scraped with the same labels as the canary's"
	case !record.Counts():
		what, check = "no scrapes of both versions", "whether a rollout was open then"
	case len(result.Steps) == 0:
		what, check = "no requests to the canary, although it was scraped,", "--start and --end: they are those of the analysis"
	default:
		return nil
	}
	return fmt.Errorf("%s were recorded from %s to %s: check %s; the query is %s", what, r.start.UTC().Format(time.RFC3339), r.end.UTC().Format(time.RFC3339), check,
		r.raw.Query(r.end.Sub(r.start)).At(r.end).Expression)
}

func writeReplay(out io.Writer, r report.Replay, output string) error {
	var text []byte
	switch output {
	case "json":
		return r.JSON(out)
	case "csv":
		text = r.CSV()
	case "svg":
		text = r.SVG()
	default:
		text = r.Markdown()
	}
	_, err := out.Write(text)
	return err
}
