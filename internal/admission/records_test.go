package admission

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// images are versions of the app. The hashes of the first two templates begin with the same 8 digits.
var images = []string{"podinfo:65278", "podinfo:139499", "v1", "v2"}

// store is an API server with one Deployment. It knows whose requests admission has seen.
type store struct {
	*testing.T
	rand   *rand.Rand
	now    time.Time
	stored map[string]any
	// seen are the candidates that were ever held, by ID.
	seen map[string]workload.Candidate
	// order is what the last order of the reconciler was about.
	order workload.ID
	log   []string
}

// TestOnlyWhatWasJudgedIsPromoted sends random requests of users, to the Deployment and its subresources, and orders of the
// reconciler for candidates of any time. It checks what each leaves.
func TestOnlyWhatWasJudgedIsPromoted(t *testing.T) {
	if workload.Short(hashOf(images[0])) != workload.Short(hashOf(images[1])) {
		t.Fatal("the first two templates have no digits in common")
	}
	promoted := 0
	for seed := range uint64(400) {
		s := &store{T: t, rand: rand.New(rand.NewPCG(seed, 1)), now: someone.Now, seen: map[string]workload.Candidate{}}
		s.stored = deployment(images[2], nil)
		for range 30 {
			promoted += s.step()
			if t.Failed() {
				t.Fatalf("with seed %d\n%s", seed, strings.Join(s.log, "\n"))
			}
		}
	}
	if promoted < 100 {
		t.Errorf("only %d promotions", promoted)
	}
}

// TestATemplateWithTheSameDigitsIsNotPromoted swaps the template under judgement, in one request with a reset, and sends the
// order that the controller has decided for the first one.
func TestATemplateWithTheSameDigitsIsNotPromoted(t *testing.T) {
	send := func(stored map[string]any, image string, by Request, key, value string) (map[string]any, error) {
		notes := maps.Clone(annotationsOf(stored))
		if key != "" {
			notes[key] = value
		}
		result, err := Render(stored, deployment(image, notes), by)
		return result.Object, err
	}
	held, err := send(deployment("v1", nil), images[0], someone, "", "")
	if err != nil {
		t.Fatal(err)
	}
	judged, _ := workload.CandidateOf(annotationsOf(held))
	mallory := Request{User: "mallory", Manager: "kubectl-patch", Now: someone.Now.Add(time.Microsecond)}
	for _, image := range images[:2] {
		swapped, err := send(held, image, mallory, config.AnnotationReset, "true")
		if err != nil {
			t.Fatal(err)
		}
		if now, err := workload.CandidateOf(annotationsOf(swapped)); err != nil || now == nil || now.By != "mallory" || now.ID().Is(judged.ID()) {
			t.Errorf("%s: held back is %+v (%v)", image, now, err)
		}
		if promoted, err := send(swapped, "v1", sluice, config.AnnotationPromote, judged.ID().String()); err == nil {
			t.Errorf("%s: promoted is %s", image, imageOf(promoted))
		}
	}
}

func pick[T any](s *store, from ...T) T { return from[s.rand.IntN(len(from))] }

// step sends one request, and returns 1 if it promotes a candidate.
func (s *store) step() int {
	s.now = s.now.Add(time.Microsecond)
	before := s.stored
	old, request := before, Request{User: pick(s, "alice", "mallory"), Manager: "kubectl-edit", Now: s.now}
	updated := s.requested()
	switch {
	case len(s.seen) > 0 && s.rand.IntN(3) == 0:
		request = Request{User: sluice.User, Manager: config.FieldManager, Reconciler: true, Now: s.now}
		updated = s.ordered()
	case s.rand.IntN(4) == 0:
		request.Subresource = "status"
	case s.rand.IntN(10) == 0:
		old = nil
	}
	s.log = append(s.log, fmt.Sprintf("%s %s %v: %s %v", request.User, request.Subresource, old == nil, imageOf(updated), annotationsOf(updated)))
	result, err := Render(old, updated, request)
	if err != nil {
		return 0
	}
	if request.Subresource != "" {
		result.Object["spec"] = before["spec"]
	} else if Validate(old, result.Object, request) != nil {
		return 0
	}
	s.stored = result.Object
	s.checkRecords(old, request)
	return s.checkTemplate(before, old, request)
}

// requested is a Deployment as a user might send it, with records that may be forged.
func (s *store) requested() map[string]any {
	notes := maps.Clone(annotationsOf(s.stored))
	if s.rand.IntN(3) == 0 {
		notes[config.AnnotationCanary] = pick(s, "true", "false")
	}
	if s.rand.IntN(3) == 0 {
		notes[pick(s, config.AnnotationReset, config.AnnotationAbort, config.AnnotationRetry)] = "true"
	}
	if template, _ := templateOf(deployment(pick(s, images...), nil)); s.rand.IntN(3) == 0 {
		for key, record := range map[string]encoder{
			config.AnnotationCandidate: workload.Candidate{Hash: template.Hash(), Template: template, By: "forged", Attempt: s.rand.Int32N(2)},
			config.AnnotationPrevious:  workload.Previous{Hash: template.Hash(), Template: template, Promoted: hashOf(pick(s, images...)), By: "forged"},
			config.AnnotationDirect:    workload.Directs{{Hash: template.KnownHash(), How: workload.DirectBypass, By: "forged"}},
		} {
			if text, err := record.Encode(); err == nil && s.rand.IntN(2) == 0 {
				notes[key] = text
			}
		}
	}
	image := imageOf(s.stored)
	if s.rand.IntN(2) == 0 {
		image = pick(s, images...)
	}
	object := deployment(image, notes)
	if _, left := notes[config.AnnotationCanary]; !left {
		delete(object["metadata"].(map[string]any)["annotations"].(map[string]any), config.AnnotationCanary)
	}
	return object
}

// ordered is an order of the reconciler, for a candidate that is or was held, or for what one has replaced.
func (s *store) ordered() map[string]any {
	ids := []workload.ID{{Hash: hashOf(pick(s, images...)), At: s.now}}
	for _, id := range slices.Sorted(maps.Keys(s.seen)) {
		ids = append(ids, s.seen[id].ID())
	}
	if previous, _ := workload.PreviousOf(annotationsOf(s.stored)); previous != nil {
		ids = append(ids, previous.ID())
	}
	if candidate, _ := workload.CandidateOf(annotationsOf(s.stored)); candidate != nil {
		ids = append(ids, candidate.ID(), candidate.ID(), candidate.ID())
	}
	s.order = pick(s, ids...)
	notes := maps.Clone(annotationsOf(s.stored))
	notes[pick(s, config.AnnotationPromote, config.AnnotationPromote, config.AnnotationRestore, config.AnnotationSettle, config.AnnotationFail, config.AnnotationLetThrough)] = s.order.String()
	object := &unstructured.Unstructured{Object: (&unstructured.Unstructured{Object: s.stored}).DeepCopy().Object}
	object.SetAnnotations(notes)
	return object.Object
}

// checkRecords fails if a record is stored whose author and time are not those of a request that admission saw.
func (s *store) checkRecords(old map[string]any, request Request) {
	before, after := annotationsOf(old), annotationsOf(s.stored)
	was, _ := workload.CandidateOf(before)
	if is, err := workload.CandidateOf(after); err != nil {
		s.Errorf("the candidate cannot be read: %v", err)
	} else if is != nil {
		known, seen := s.seen[is.ID().String()]
		switch {
		case seen && (known.By != is.By || !workload.Equal(known.Template, is.Template)):
			s.Errorf("%s by %s is now by %s: %s", is.ID(), known.By, is.By, imageOf(deploymentWith(is.Template)))
		case !seen && (was == nil || is.Attempt == was.Attempt) && (is.By != request.User || !is.At.Equal(request.Now)) && !request.Reconciler:
			s.Errorf("%s by %s at %s is held for %s at %s", is.ID(), is.By, is.At, request.User, request.Now)
		}
		s.seen[is.ID().String()] = *is
	}
	if previous, err := workload.PreviousOf(after); err != nil || previous != nil && before[config.AnnotationPrevious] != after[config.AnnotationPrevious] &&
		(was == nil || !request.Reconciler || !previous.PromotedID().Is(was.ID()) || previous.By != was.By) {
		s.Errorf("the previous template is %+v (%v), and the candidate was %+v", previous, err, was)
	}
	if direct, err := lastDirect(after); err != nil || direct != nil && before[config.AnnotationDirect] != after[config.AnnotationDirect] &&
		!isOf(*direct, was, request) {
		s.Errorf("the direct change is %+v (%v)", direct, err)
	}
}

// isOf reports whether a direct change is recorded as that of the user whose request admission saw: this request, or the one for
// the candidate that is let through.
func isOf(direct workload.Direct, was *workload.Candidate, request Request) bool {
	if request.Reconciler {
		return was != nil && direct.By == was.By
	}
	return direct.By == request.User && direct.At.Equal(request.Now)
}

// checkTemplate fails if the template of an opted-in Deployment changes other than by an order for this very template, or in a
// way that is recorded. It returns 1 for a promotion.
func (s *store) checkTemplate(before, old map[string]any, request Request) int {
	was, _ := templateOf(before)
	is, _ := templateOf(s.stored)
	if old == nil || !config.OptedIn(annotationsOf(before)) || workload.Equal(was, is) {
		return 0
	}
	candidate, _ := workload.CandidateOf(annotationsOf(before))
	previous, _ := workload.PreviousOf(annotationsOf(before))
	switch {
	case !request.Reconciler:
		if annotationsOf(before)[config.AnnotationDirect] == annotationsOf(s.stored)[config.AnnotationDirect] {
			s.Errorf("%s puts in %s, and nothing records it", request.User, imageOf(s.stored))
		}
		return 0
	case candidate.InFlight() && candidate.ID().Is(s.order) && is.Hash() == s.order.Hash:
		return 1
	case previous != nil && previous.ID().Is(s.order) && is.Hash() == s.order.Hash:
		return 0
	}
	s.Errorf("an order for %s puts in %s", s.order, imageOf(s.stored))
	return 0
}
