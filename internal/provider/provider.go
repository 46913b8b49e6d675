package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/internal/analysis"
)

// ErrNoData is the error of a query that was answered without any value.
var ErrNoData = errors.New("no data")

// Provider asks the servers of one kind.
type Provider interface {
	// Name is how messages call a server of this kind.
	Name() string
	// Value answers one query: that of the controller's own server where the query names none. It ends with its context, reads no
	// more of an answer than one value needs, and returns ErrNoData for an answer without a value. What credentials say is in no
	// error.
	Value(ctx context.Context, query analysis.Query) (float64, error)
}

// Table has the Provider for each type that a MetricTemplate can name.
type Table map[string]Provider

// queryTimeout is how long the queries of a round may take.
const queryTimeout = 5 * time.Second

// longestError is how many bytes of an error go into a sample.
const longestError = 200

// Query answers all queries at once, one sample for each. A query that fails is a sample with an error.
func (t Table) Query(ctx context.Context, queries []analysis.Query) []analysis.Sample {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	samples := make([]analysis.Sample, len(queries))
	first := map[question]int{}
	var all sync.WaitGroup
	for i, query := range queries {
		if _, asked := first[questionOf(query)]; !asked {
			first[questionOf(query)] = i
			all.Go(func() { samples[i] = t.ask(ctx, query) })
		}
	}
	all.Wait()
	for i, query := range queries {
		samples[i] = samples[first[questionOf(query)]]
		samples[i].Check, samples[i].Metric = query.Check, query.Metric
	}
	return samples
}

// question is what several checks may ask of the same server; it is asked once.
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
		kind = cmp.Or(query.Server.Type, kind)
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

// oneLine shortens an error for a status; the URL in a transport error repeats the whole query, so it is left out.
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
