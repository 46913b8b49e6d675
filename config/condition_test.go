package config

import (
	"strings"
	"testing"
	"time"
)

func TestConditions(t *testing.T) {
	for text, c := range map[string]struct {
		compared       bool
		value, primary float64
		holds          bool
	}{
		"value < 500":                           {false, 499, 0, true},
		"value <= 500.0":                        {false, 500, 0, true},
		"value < 500.0":                         {false, 500, 0, false},
		"value >= 99.0 || value == 0.0":         {false, 0, 0, true},
		"value <= 1.2 * primary + 5.0":          {true, 17, 10, true},
		"value <= 1.2 * primary":                {true, 12.1, 10, false},
		"primary > 0.0 ? value < 2.0 : true":    {true, 3, 0, true},
		"value / primary < 2.0":                 {true, 3, 0, false},
		"!(value > 5.0) && (value > 1.0)":       {false, 3, 0, true},
		"value < 1.0 || 'a'.matches('^[ab]+$')": {false, 3, 0, true},
	} {
		condition, err := ParseCondition(text, c.compared)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if holds, err := condition.Holds(c.value, c.primary); err != nil || holds != c.holds {
			t.Errorf("%s of %v, %v: %v, %v", text, c.value, c.primary, holds, err)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"no text":             {"", "is not a CEL expression"},
		"no expression":       {"value <", "column"},
		"a number":            {"value + 1.0", "must be true or false, such as value < 0.5, and is of type double"},
		"a constant":          {"true", "must use value"},
		"an unknown variable": {"values < 1.0", "the variables are value and, with compareTo, primary"},
		"not compared":        {"value < primary", "primary needs compareTo: primary"},
		"a whole number":      {"value * 2 < 1.0", "write numbers with a point, such as 2.0"},
		"a loop":              {"[1, 2].all(x, value < 3.0)", "is not a CEL expression"},
		"a cost":              {"value > 0.0 && '" + strings.Repeat("a", 300) + "'.matches('" + strings.Repeat("a*", 300) + "')", "costs too much"},
		"a length":            {"value < 1.0" + strings.Repeat(" ", MostCondition), "at most 1024 bytes"},
		"a depth":             {strings.Repeat("(", 400) + "value < 1.0" + strings.Repeat(")", 400), "is not a CEL expression"},
		"a depth of choices":  {strings.Repeat("value<1.0?", 55) + "true" + strings.Repeat(":true", 55), "is not a CEL expression"},
	} {
		began := time.Now()
		if _, err := ParseCondition(c.text, false); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, not %q", name, err, c.says)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s takes %s", name, took)
		}
	}
}

// TestAConditionWithoutAResultIsAnError divides whole numbers by zero.
func TestAConditionWithoutAResultIsAnError(t *testing.T) {
	condition, err := ParseCondition("value < 1.0 && 1 / 0 == 1", false)
	if err != nil {
		t.Fatal(err)
	}
	if holds, err := condition.Holds(0, 0); err == nil || holds {
		t.Errorf("%v, %v", holds, err)
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, text := range []string{"value < 500", "value <= 1.2 * primary", "((((", "'\\u0000' == value", "value in [1.0]", "{1: value}[1] < 2.0", "value.all(x, x)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, compared := range []bool{false, true} {
			condition, err := ParseCondition(text, compared)
			if err != nil {
				continue
			}
			if _, err := condition.Holds(1, 2); err != nil && strings.Contains(err.Error(), "actual cost limit exceeded") {
				t.Errorf("%q was accepted and costs too much: %v", text, err)
			}
		}
	})
}
