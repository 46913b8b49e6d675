package config

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"stepWeight", "stepWeights", "maxWeight", "hold", "mirror", "mirrorWeight", "match"}
	for name, c := range map[string]struct{ typed, want string }{
		"two letters are swapped":           {"stepWieght", "; did you mean stepWeight or stepWeights?"},
		"a letter is missing":               {"mach", "; did you mean match?"},
		"letters of a short name":           {"hodl", "; did you mean hold?"},
		"another case":                      {"MIRROR", "; did you mean mirror or mirrorWeight?"},
		"the beginning of names":            {"step", "; did you mean stepWeight or stepWeights?"},
		"the nearest comes first":           {"stepWeightss", "; did you mean stepWeights or stepWeight?"},
		"a short name is like none by luck": {"foo", ""},
		"nothing":                           {"", ""},
		"like no other":                     {"qqqqqqqqqq", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Nearest(c.typed, names); got != c.want {
				t.Errorf("got %q, not %q", got, c.want)
			}
		})
	}
}
