package policy

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config"
)

// judgement checks how a metric is judged beside its range.
func (c *checker) judgement(path *field.Path, m v1alpha1.Metric) {
	c.count(path.Child("failureLimit"), m.FailureLimit, 1, config.MostFailures)
	c.count(path.Child("consecutiveLimit"), m.ConsecutiveLimit, 1, config.MostFailures)
	c.word(path.Child("noData"), string(m.NoData), string(v1alpha1.NoDataFails), string(v1alpha1.NoDataSkips), string(v1alpha1.NoDataInconclusive))
	c.comparison(path, m)
	if m.Condition == "" {
		return
	}
	if _, err := config.ParseCondition(m.Condition, m.CompareTo != ""); err != nil {
		c.wrong(path.Child("condition"), m.Condition, err.Error())
	}
}

// comparison checks what compares a metric to the primary.
func (c *checker) comparison(path *field.Path, m v1alpha1.Metric) {
	c.word(path.Child("compareTo"), string(m.CompareTo), string(v1alpha1.ComparedToPrimary))
	if m.CompareTo != "" {
		c.must(m.RatioRange != nil || m.Condition != "", path.Child("compareTo"), m.CompareTo, "compareTo needs ratioRange, or a condition with primary")
		c.must(m.Query == "" || strings.Contains(m.Query, "target"), path.Child("query"), m.Query,
			"must use {{ target }}, because compareTo asks the same query once more with the primary as target")
	}
	ratio, at := m.RatioRange, path.Child("ratioRange")
	if ratio == nil {
		return
	}
	c.must(m.CompareTo != "", at, *ratio, "ratioRange needs compareTo: primary")
	c.must(ratio.Min != nil || ratio.Max != nil, at, *ratio, "must have min, max or both")
	c.must(ratio.Min == nil || ratio.Max == nil || *ratio.Min <= *ratio.Max, at, *ratio, "min must not be greater than max")
	for _, end := range []*float64{ratio.Min, ratio.Max} {
		c.must(end == nil || *end >= 0, at, *ratio, "must have multiples of the primary's value from 0, such as 1.2")
	}
}

// word checks one of a few words; empty for the default.
func (c *checker) word(path *field.Path, value string, allowed ...string) {
	if value != "" {
		choice(c, path, &value, allowed...)
	}
}
