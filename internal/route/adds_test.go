package route

import (
	"testing"

	"sluice.dev/sluice/config"
)

func TestOnlyARouteThatAddsNothingMayBeWrittenAtAnyTime(t *testing.T) {
	at := func(change func(*Split)) *Split {
		split := Split{Deployment: "podinfo", Primary: "podinfo", Canary: "podinfo-canary", Weight: 20, Mirror: 20, Match: []Match{{Method: "GET"}},
			Affinity: &Affinity{Cookie: Cookie{Name: "a", Value: "b"}}, Mark: &Header{Name: "x", Value: "y"}}
		if change != nil {
			change(&split)
		}
		return &split
	}
	none := at(func(s *Split) { s.Weight, s.Mirror, s.Match = 0, 0, nil })
	same := at(nil)
	for name, c := range map[string]struct {
		before, after *Split
		adds          bool
	}{
		"nothing changes":                {same, same, false},
		"a first split":                  {nil, none, true},
		"the split ends":                 {same, nil, false},
		"a lower weight":                 {same, at(func(s *Split) { s.Weight = 10 }), false},
		"a higher weight":                {same, at(func(s *Split) { s.Weight = 20.5 }), true},
		"fewer copies":                   {same, at(func(s *Split) { s.Mirror = 0 }), false},
		"more copies at a lower weight":  {same, at(func(s *Split) { s.Weight, s.Mirror = 0, 30 }), true},
		"no match any more":              {same, at(func(s *Split) { s.Match = nil }), false},
		"another match":                  {same, at(func(s *Split) { s.Match = []Match{{Method: "PUT"}} }), true},
		"no cookie any more":             {same, at(func(s *Split) { s.Affinity = nil }), false},
		"another cookie":                 {same, at(func(s *Split) { s.Affinity = &Affinity{Cookie: Cookie{Name: "c"}} }), true},
		"a cookie that users had before": {at(func(s *Split) { s.Affinity = nil }), same, true},
		"cookies that are only taken back": {at(func(s *Split) { s.Affinity = nil }),
			at(func(s *Split) {
				s.Weight, s.Match, s.Affinity = 0, nil, &Affinity{Cookie: Cookie{Name: "b"}, Expired: []Cookie{{Name: "a"}}}
			}), false},
		"another canary":                {same, at(func(s *Split) { s.Canary = "other" }), true},
		"another mark":                  {same, at(func(s *Split) { s.Mark = nil }), true},
		"another backend of the canary": {same, at(func(s *Split) { s.CanaryBackend = map[string]any{"name": "x"} }), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Adds(bearing(c.before), bearing(c.after)); got != c.adds {
				t.Errorf("adds: %v", got)
			}
		})
	}
	cohort := Cohort{Deployment: "podinfo", Header: "x", Value: "y", Primary: "next", To: "next-v2"}
	with := bearing(nil)
	with.Annotations = map[string]string{config.AnnotationCohorts: EncodeCohorts([]Cohort{cohort})}
	if Adds(with, bearing(nil)) || !Adds(bearing(nil), with) {
		t.Error("marked requests are added as a cohort comes, and only then")
	}
}

// bearing is a route with a split and without rules.
func bearing(split *Split) Route {
	r := Route{Kind: HTTP}
	if split != nil {
		r.Annotations = map[string]string{config.AnnotationSplit: EncodeSplits([]Split{*split})}
	}
	return r
}
