package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// ErrNoData is returned for a query whose answer has no value.
var ErrNoData = errors.New("no data")

// Provider runs queries on servers of one kind.
type Provider interface {
	// Name is the name that messages use for servers of this kind.
	Name() string
	// Value runs one query, on the controller's own server if the query names none. It stops when the context ends, reads no
	// more of an answer than one value needs, and returns ErrNoData for an answer without a value. No error contains
	// credentials.
	Value(ctx context.Context, query analysis.Query) (float64, error)
}

// Table has the Provider of each type that a MetricTemplate can name.
type Table map[string]Provider

// queryTimeout is how long all queries of a round may take together.
const queryTimeout = 5 * time.Second

// mostAtOnce is how many queries of a round run at the same time.
const mostAtOnce = 20

// longestError is how many bytes of an error go into a sample.
const longestError = 200

// Query runs the queries, up to 20 at the same time, and returns one sample for each. A failed query gives a sample with an error.
func (t Table) Query(ctx context.Context, queries []analysis.Query) []analysis.Sample {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	samples := make([]analysis.Sample, len(queries))
	first := map[question]int{}
	var all errgroup.Group
	all.SetLimit(mostAtOnce)
	for i, query := range queries {
		if _, asked := first[questionOf(query)]; !asked {
			first[questionOf(query)] = i
			all.Go(func() error {
				samples[i] = t.ask(ctx, query)
				return nil
			})
		}
	}
	_ = all.Wait()
	for i, query := range queries {
		samples[i] = samples[first[questionOf(query)]]
		samples[i].Check, samples[i].Metric = query.Check, query.Metric
	}
	return samples
}

// question is a query that several checks may share. It runs once.
type question struct {
	server     *analysis.Server
	expression string
}

func questionOf(query analysis.Query) question {
	return question{query.Server, query.Expression}
}

func (t Table) ask(ctx context.Context, query analysis.Query) analysis.Sample {
	kind := v1alpha1.ProviderPrometheus
	if query.Server != nil {
		kind = query.Server.Type
	}
	provider, known := t[kind]
	if !known {
		return analysis.Sample{Provider: kind, Err: fmt.Sprintf("provider type %s is not supported", kind)}
	}
	switch value, err := provider.Value(ctx, query); {
	case errors.Is(err, ErrNoData):
		return analysis.Sample{Missing: true}
	case err != nil:
		return analysis.Sample{Provider: provider.Name(), Err: oneLine(err)}
	default:
		return analysis.Sample{Value: value}
	}
}

// RawReader is a Provider whose own server answers with raw samples.
type RawReader interface {
	Provider
	// Raw runs a query of analysis.Raw and returns all samples of its answer. It stops when the context ends, and has limits of its own.
	Raw(ctx context.Context, query analysis.Query) ([]analysis.RawSeries, error)
}

// Counters reads raw counters from the controller's own server. The problem says in one line why it cannot, and names the server.
func (t Table) Counters(ctx context.Context, query analysis.Query) (series []analysis.RawSeries, problem string) {
	reader, reads := t[v1alpha1.ProviderPrometheus].(RawReader)
	if !reads {
		return nil, "no provider reads raw counters"
	}
	series, err := reader.Raw(ctx, query)
	if err != nil {
		return nil, fmt.Sprintf("%s could not answer: %s", reader.Name(), oneLine(err))
	}
	return series, ""
}

// oneLine shortens an error for a status. It drops the URL of a transport error, which repeats the whole query.
func oneLine(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "") + "…"
	}
	return text
}
