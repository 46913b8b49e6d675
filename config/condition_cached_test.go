package config

import "testing"

// TestAConditionIsReadOnce holds that a tick does not read the conditions of its policy again.
func TestAConditionIsReadOnce(t *testing.T) {
	read := func() {
		c, err := ParseCondition("value < 0.5 && value > primary", true)
		if err != nil {
			t.Fatal(err)
		}
		if holds, err := c.Holds(0.4, 0.3); !holds || err != nil {
			t.Fatalf("got %t, %v", holds, err)
		}
	}
	read()
	// To read it takes thousands.
	if n := testing.AllocsPerRun(100, read); n > 40 {
		t.Errorf("%v allocations", n)
	}
	if _, err := ParseCondition("value < 0.5 && value > primary", false); err == nil {
		t.Error("what is read with the primary's value is taken without")
	}
}
