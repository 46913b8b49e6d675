package workload

import (
	"testing"

	"sluice.dev/sluice/config"
)

// TestExamplesOfRecords checks that the documented records look like those that admission writes.
func TestExamplesOfRecords(t *testing.T) {
	examples := map[string]string{}
	for _, annotation := range config.Annotations() {
		if annotation.Kind == config.KindRecord {
			examples[annotation.Key] = annotation.Example
		}
	}
	candidate, err := CandidateOf(examples)
	if err != nil || candidate == nil || candidate.Hash != candidate.Template.Hash() {
		t.Fatalf("candidate: %+v, %v", candidate, err)
	}
	previous, err := PreviousOf(examples)
	if err != nil || previous == nil || previous.Hash != previous.Template.Hash() || previous.Promoted != candidate.Hash {
		t.Fatalf("previous: %+v, %v", previous, err)
	}
	direct, err := DirectsOf(examples)
	if err != nil || len(direct) != 1 {
		t.Fatalf("direct: %+v, %v", direct, err)
	}
	left, err := LeftOutOf(examples)
	if err != nil || left == nil {
		t.Fatalf("left out: %+v, %v", left, err)
	}
	for key, record := range map[string]interface{ Encode() (string, error) }{
		config.AnnotationCandidate: candidate, config.AnnotationPrevious: previous, config.AnnotationDirect: direct, config.AnnotationLeftOut: left,
	} {
		if text, err := record.Encode(); err != nil || text != examples[key] {
			t.Errorf("%s: admission would write %s, not %s (%v)", key, text, examples[key], err)
		}
	}
	if len(examples) != 4 {
		t.Errorf("there are %d records", len(examples))
	}
}
