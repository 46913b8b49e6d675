package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/common/model"

	"sluice.dev/sluice/internal/analysis"
	"sluice.dev/sluice/internal/provider/web"
)

const (
	// rawAtOnce is how many answers with raw samples are read at the same time. Each takes up to ten times its length while it is
	// decoded.
	rawAtOnce = 4
	// usual is how long most answers are, in bytes: about 3,000 series with four samples each. Of longer ones, one is read at a time.
	usual = 1 << 20
	// rawTimeout is how long one answer with raw samples may take, including the wait for others.
	rawTimeout = 5 * time.Second
)

// ofCounters are the limits of an answer with raw samples. A series has two objects, and takes about 300 bytes with its labels and
// four samples, and 900 with those of 25 minutes. So this is for the history of 200 pods, or a look at 400 of them, with three codes and
// a histogram of 12 bounds for each. Each sample of a native histogram is one more object.
var ofCounters = web.Limit{Bytes: 8 << 20, Objects: 40_000,
	Advice: "the counters have too many series: drop labels that requests fill, such as paths, or choose a preset whose gateway counts"}

// Raw runs a query of analysis.Raw on the controller's own server and returns the series with all their samples. It stops when the
// context ends, and after 5 s. The series of an answer without any are none. Other queries are refused, so that no user's query
// gets the limit of this one.
func (p *Provider) Raw(ctx context.Context, query analysis.Query) ([]analysis.RawSeries, error) {
	switch {
	case query.Metric != analysis.Counters || query.Server != nil:
		return nil, errors.New("only the counters of a preset are read from the controller's Prometheus as raw samples")
	case p.raw == nil:
		return nil, errors.New("no Prometheus is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, rawTimeout)
	defer cancel()
	select {
	case p.reading <- struct{}{}:
		defer func() { <-p.reading }()
	case <-ctx.Done():
		return nil, fmt.Errorf("other answers are still being read: %w", ctx.Err())
	}
	large := &turn{of: p.large}
	defer large.end()
	answer, _, _, err := p.raw.Query(context.WithValue(ctx, turnKey{}, large), query.Expression, time.Time{})
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, errNoResult
	}
	matrix, ok := answer.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("the query returns a %s; raw samples are expected", answer.Type())
	}
	series := make([]analysis.RawSeries, 0, len(matrix))
	for _, stream := range matrix {
		if stream != nil {
			series = append(series, rawSeries(stream))
		}
	}
	return series, nil
}

// turn is the right to read a long answer. Others wait before they read on.
type turn struct {
	of  chan struct{}
	has bool
}

type turnKey struct{}

// take waits for the turn.
func (t *turn) take(ctx context.Context) error {
	if t.has {
		return nil
	}
	select {
	case t.of <- struct{}{}:
		t.has = true
		return nil
	case <-ctx.Done():
		return fmt.Errorf("another long answer is still being read: %w", ctx.Err())
	}
}

func (t *turn) end() {
	if t.has {
		<-t.of
	}
}

// inTurn is the body of an answer that needs a turn beyond the usual length.
type inTurn struct {
	io.ReadCloser
	ctx  context.Context
	turn *turn
	read int
}

// Read waits for the turn before it reads more than usual.
func (b *inTurn) Read(into []byte) (int, error) {
	if b.read >= usual {
		if err := b.turn.take(b.ctx); err != nil {
			return 0, err
		}
	} else {
		into = into[:min(len(into), usual-b.read)]
	}
	n, err := b.ReadCloser.Read(into)
	b.read += n
	return n, err
}

// turns lets answers be read in turn.
type turns struct{ next http.RoundTripper }

// RoundTrip lets the answer to a request with a turn wait for it.
func (t turns) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if own, has := request.Context().Value(turnKey{}).(*turn); has {
		response.Body = &inTurn{ReadCloser: response.Body, ctx: request.Context(), turn: own}
	}
	return response, nil
}

func rawSeries(stream *model.SampleStream) analysis.RawSeries {
	s := analysis.RawSeries{Labels: make(map[string]string, len(stream.Metric)), Samples: make([]analysis.Point, 0, len(stream.Values))}
	for name, value := range stream.Metric {
		s.Labels[string(name)] = string(value)
	}
	for _, sample := range stream.Values {
		s.Samples = append(s.Samples, analysis.Point{At: int64(sample.Timestamp), Value: float64(sample.Value)})
	}
	for _, sample := range stream.Histograms {
		if sample.Histogram != nil {
			s.Histograms = append(s.Histograms, histogram(sample))
		}
	}
	return s
}

func histogram(sample model.SampleHistogramPair) analysis.HistogramPoint {
	h := analysis.HistogramPoint{At: int64(sample.Timestamp), Count: float64(sample.Histogram.Count)}
	for _, b := range sample.Histogram.Buckets {
		if b != nil {
			h.Buckets = append(h.Buckets, analysis.HistogramBucket{Lower: float64(b.Lower), Upper: float64(b.Upper), Count: float64(b.Count)})
		}
	}
	return h
}
