package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

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
type Table struct {
	providers map[string]Provider
	// asking are the questions that are on their way, so that two Canaries with the same one share its answer.
	asking singleflight.Group
}

// New returns a Table of these Providers.
func New(providers map[string]Provider) *Table { return &Table{providers: providers} }

// Types are the types of the Providers, sorted.
func (t *Table) Types() []string { return slices.Sorted(maps.Keys(t.providers)) }

// queryTimeout is how long all queries of a round may take together.
const queryTimeout = 5 * time.Second

// mostAtOnce is how many queries of a round run at the same time.
const mostAtOnce = 20

// longestError is how many bytes of an error go into a sample.
const longestError = 300

// shortestSecret is how many bytes a credential has that is hidden in errors. Shorter ones are parts of common words.
const shortestSecret = 4

// Query runs the queries, up to 20 at the same time, and returns one sample for each. A failed query gives a sample with an error.
func (t *Table) Query(ctx context.Context, queries []analysis.Query) []analysis.Sample {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	samples := make([]analysis.Sample, len(queries))
	first := map[string]int{}
	var all errgroup.Group
	all.SetLimit(mostAtOnce)
	for i, query := range queries {
		if _, asked := first[questionOf(query)]; !asked {
			first[questionOf(query)] = i
			all.Go(func() error {
				samples[i] = t.share(ctx, query)
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

// questionOf is what queries of several checks, or of several Canaries, have in common if one answer fits all. Servers with other
// credentials never do.
func questionOf(query analysis.Query) string {
	texts := []string{query.Server.Identity(), query.Window.String()}
	if query.Server != nil {
		texts = append(texts, query.Server.HTTP.Method, query.Server.HTTP.JSONPath)
	}
	return strings.Join(append(texts, query.Expression), "\n")
}

// share asks a question, or waits for its answer if it is being asked. It stops waiting when the context ends. The question itself goes on,
// because others may wait for it, as long as it may take.
func (t *Table) share(ctx context.Context, query analysis.Query) analysis.Sample {
	answer := t.asking.DoChan(questionOf(query), func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
		defer cancel()
		return t.ask(own, query), nil
	})
	select {
	case got := <-answer:
		sample, _ := got.Val.(analysis.Sample)
		return sample
	case <-ctx.Done():
		return analysis.Sample{Provider: t.nameOf(query), Err: "no answer in time: " + ctx.Err().Error()}
	}
}

func typeOf(query analysis.Query) string {
	if query.Server == nil {
		return v1alpha1.ProviderPrometheus
	}
	return query.Server.Type
}

// nameOf is the name of the server's kind in messages.
func (t *Table) nameOf(query analysis.Query) string {
	if provider, known := t.providers[typeOf(query)]; known {
		return provider.Name()
	}
	return typeOf(query)
}

func (t *Table) ask(ctx context.Context, query analysis.Query) analysis.Sample {
	provider, known := t.providers[typeOf(query)]
	if !known {
		return analysis.Sample{Provider: typeOf(query), Err: fmt.Sprintf("provider type %s is not supported", typeOf(query))}
	}
	switch value, err := provider.Value(ctx, query); {
	case errors.Is(err, ErrNoData):
		return analysis.Sample{Missing: true}
	case err != nil:
		return analysis.Sample{Provider: provider.Name(), Err: oneLine(hidden(query.Server, err))}
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
func (t *Table) Counters(ctx context.Context, query analysis.Query) (series []analysis.RawSeries, problem string) {
	reader, reads := t.providers[v1alpha1.ProviderPrometheus].(RawReader)
	if !reads {
		return nil, "no provider reads raw counters"
	}
	series, err := reader.Raw(ctx, query)
	if err != nil {
		return nil, fmt.Sprintf("%s could not answer: %s", reader.Name(), oneLine(withoutURL(err)))
	}
	return series, ""
}

// withoutURL drops the URL of a transport error, which repeats the whole query.
func withoutURL(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}

// hidden is the text of an error without the credentials, which a server may repeat in its answer.
func hidden(server *analysis.Server, err error) string {
	text := withoutURL(err)
	if server == nil {
		return text
	}
	basic := base64.StdEncoding.EncodeToString([]byte(server.Key(analysis.KeyUsername) + ":" + server.Key(analysis.KeyPassword)))
	for _, secret := range append(server.Secrets(), basic) {
		if len(secret) >= shortestSecret {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}

// oneLine shortens the text of an error for a status.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "") + "…"
	}
	return text
}
