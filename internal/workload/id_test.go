package workload

import (
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/constants"
)

func TestIDSurvivesTheAnnotation(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_007_008, time.FixedZone("", 3600))
	want := ID{Hash: "7c9e41d2", Attempt: 3, At: at}
	for text, rest := range map[string]string{want.String(): "", want.String() + " otto von b": "otto von b"} {
		got, left, ok := ParseID(text)
		if !ok || !got.Is(want) || left != rest {
			t.Errorf("%q is read as %s and %q", text, got, left)
		}
	}
	for _, other := range []ID{{"7c9e41d3", 3, at}, {"7c9e41d2", 4, at}, {"7c9e41d2", 3, at.Add(time.Microsecond)}, {}} {
		if want.Is(other) {
			t.Errorf("%s is %s", want, other)
		}
	}
	for _, text := range []string{"", "7c9e41d2", "7c9e41d2 0", "7c9e41d2 x 2026-01-02T03:04:05Z", "7c9e41d2 0 now", "7c9e41d2 99999999999 2026-01-02T03:04:05Z"} {
		if id, _, ok := ParseID(text); ok || id != (ID{}) {
			t.Errorf("%q is read as %s", text, id)
		}
	}
}

// TestRecordsMatchTheirTemplates checks that no record is read whose template is another one than its hash says.
func TestRecordsMatchTheirTemplates(t *testing.T) {
	template, forged := templateWith(nothing), templateWith(cpu("1"))
	for name, hash := range map[string]string{"no hash of the template": forged.Hash(), "the first digits": Short(template.Hash())} {
		candidate, _ := Candidate{Hash: hash, Template: template}.Encode()
		previous, _ := Previous{Hash: hash, Template: template, Promoted: "x"}.Encode()
		annotations := map[string]string{config.AnnotationCandidate: candidate, config.AnnotationPrevious: previous}
		if read, err := CandidateOf(annotations); err == nil {
			t.Errorf("%s: the candidate is read: %+v", name, read)
		}
		if read, err := PreviousOf(annotations); err == nil {
			t.Errorf("%s: the previous template is read: %+v", name, read)
		}
	}
}

// TestTemplatesOfOneShortHashDiffer compares two templates whose hashes begin with the same 8 digits.
func TestTemplatesOfOneShortHashDiffer(t *testing.T) {
	a, b := template("podinfo:76920"), template("podinfo:132304")
	if Short(a.Hash()) != Short(b.Hash()) {
		t.Fatalf("%s and %s do not begin with the same digits", a.Hash(), b.Hash())
	}
	if a.Hash() == b.Hash() || Equal(a, b) {
		t.Errorf("%s and %s are the same", a.Hash(), b.Hash())
	}
}

func template(image string) Template {
	return Template{"spec": map[string]any{"containers": []any{map[string]any{"image": image, "name": "app"}}}}
}

// TestRecordsSayWhatIsKnown checks that every mark and way that admission writes is read, and no other.
func TestRecordsSayWhatIsKnown(t *testing.T) {
	ways, known := constants.Of[DirectWay](t, ".", "DirectWay"), constants.Of[Mark](t, ".", "Mark")
	for _, way := range append(ways, "magic") {
		text, _ := Directs{{Hash: "x", How: way}}.Encode()
		if _, err := DirectsOf(map[string]string{config.AnnotationDirect: text}); (err == nil) != slices.Contains(ways, way) {
			t.Errorf("%s: %v", way, err)
		}
	}
	for _, mark := range append(known, "magic") {
		text, _ := Candidate{Hash: templateWith(nothing).Hash(), Template: templateWith(nothing), Mark: mark}.Encode()
		if _, err := DecodeCandidate(text); (err == nil) != slices.Contains(known, mark) {
			t.Errorf("%s: %v", mark, err)
		}
	}
	text, _ := Candidate{Hash: templateWith(nothing).Hash(), Template: templateWith(nothing), Attempt: -1}.Encode()
	if _, err := DecodeCandidate(text); err == nil {
		t.Error("a negative attempt is read")
	}
}
