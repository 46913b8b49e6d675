package analysis

import (
	"fmt"
	"strings"

	"sluice.dev/sluice/config"
)

// limits formats what a value must be, such as min 99%, 10 to 20 or max 1.2 times the primary's.
func (c Check) limits(show func(float64) string) string {
	var parts []string
	if text := between(c.Min, c.Max, show); text != "" {
		parts = append(parts, text)
	}
	if ratio := c.Judgement.RatioRange; ratio != nil {
		parts = append(parts, between(ratio.Min, ratio.Max, short)+timesPrimary)
	}
	if c.Judgement.Condition != "" {
		parts = append(parts, c.Judgement.Condition)
	}
	if len(parts) == 0 {
		return "any value"
	}
	return strings.Join(parts, ", ")
}

const timesPrimary = " times the primary's"

// between formats a range; empty without ends.
func between(least, most *float64, show func(float64) string) string {
	switch {
	case least != nil && most != nil:
		return show(*least) + " to " + show(*most)
	case least != nil:
		return "min " + show(*least)
	case most != nil:
		return "max " + show(*most)
	}
	return ""
}

// broken says which limit a value breaks; empty for none. untold says why those of a percentile cannot be judged. The error says why the
// condition has no result.
func (c Check) broken(samples []Sample, value, primary float64) (how, untold string, err error) {
	if c.Metric == Duration {
		return c.exceeded(samples)
	}
	if how = c.outside(value); how == "" {
		how, err = c.differs(value, primary)
	}
	return how, "", err
}

// outside says that a value is outside the range of the check; empty if it is not.
func (c Check) outside(value float64) string {
	if relation := beyond(value, c.Min, c.Max); relation != "" {
		return fmt.Sprintf("%s is %s %s", c.show(value), relation, c.threshold)
	}
	return ""
}

// differs says how a value breaks what compares it to the primary's, or the condition; empty if it does not.
func (c Check) differs(value, primary float64) (how string, err error) {
	if ratio := c.Judgement.RatioRange; ratio != nil {
		if relation := beyond(value, times(ratio.Min, primary), times(ratio.Max, primary)); relation != "" {
			return fmt.Sprintf("%s is %s %s, which is %s", c.show(value), relation, between(ratio.Min, ratio.Max, short)+timesPrimary, c.show(primary)), nil
		}
	}
	return c.unmet(value, primary)
}

// unmet says that the condition is false; empty if it is true, or if there is none.
func (c Check) unmet(value, primary float64) (how string, err error) {
	if c.Judgement.Condition == "" {
		return "", nil
	}
	compiled, err := c.condition()
	if err != nil {
		return "", err
	}
	if holds, err := compiled.Holds(value, primary); holds || err != nil {
		return "", err
	}
	return c.fails(value, primary), nil
}

// condition compiles the condition of the check.
func (c Check) condition() (config.Condition, error) {
	compiled, err := config.ParseCondition(c.Judgement.Condition, c.compares())
	if err != nil {
		return compiled, fmt.Errorf("the condition %w", err)
	}
	return compiled, nil
}

// fails says that the condition is false.
func (c Check) fails(value, primary float64) string {
	says := c.show(value) + " does not meet " + c.Judgement.Condition
	if c.compares() {
		says += "; the primary's value is " + c.show(primary)
	}
	return says
}

// compares reports whether the check needs the value of the primary.
func (c Check) compares() bool { return c.Judgement.CompareTo != "" }

// times is a multiple of a value, which may be infinite; nil without a factor.
func times(factor *float64, value float64) *float64 {
	if factor == nil {
		return nil
	}
	product := *factor * value
	if *factor == 0 {
		product = 0
	}
	return &product
}

// beyond says how a value is outside limits. It returns an empty string for a value within them.
func beyond(value float64, least, most *float64) string {
	switch {
	case least != nil && value < *least:
		return "below"
	case most != nil && value > *most:
		return "above"
	}
	return ""
}
