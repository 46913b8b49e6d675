package prometheus

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"

	"sluice.dev/sluice/internal/provider"
)

var (
	errNoResult = errors.New("the answer has no result: check provider.address, or the chart value prometheusUrl")
	errNoValue  = errors.New("the answer has a result without a value: check provider.address, or the chart value prometheusUrl")
)

// valueOf is the one value of an answer.
func valueOf(answer model.Value) (float64, error) {
	switch a := answer.(type) {
	case nil:
		return 0, errNoResult
	case *model.Scalar:
		return dated(a.Value, a.Timestamp)
	case model.Vector:
		switch {
		case len(a) == 0:
			return 0, provider.ErrNoData
		case len(a) > 1:
			return 0, fmt.Errorf("the query returns %d results; one is expected: aggregate them, such as with sum() or max()", len(a))
		case a[0] == nil:
			return 0, errNoValue
		}
		return dated(a[0].Value, a[0].Timestamp)
	}
	return 0, fmt.Errorf("the query returns a %s; one value is expected", answer.Type())
}

// dated refuses what the client reads of a result without a value: 0, at the beginning of time.
func dated(value model.SampleValue, at model.Time) (float64, error) {
	if at == 0 {
		return 0, errNoValue
	}
	return float64(value), nil
}
