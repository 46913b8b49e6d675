package admission

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"sluice.dev/sluice/config"
	"sluice.dev/sluice/internal/workload"
)

// story is a Deployment that gets random requests, with an API server that does no more than call admission.
type story struct {
	*testing.T
	rand   *rand.Rand
	now    time.Time
	stored map[string]any
	// revisions are the annotations and images of earlier times, as ReplicaSets keep them.
	revisions []map[string]any
	log       []string
}

// TestNoTemplateReachesThePrimaryUnjudged sends random requests in the shapes of real clients. The template of an opted-in
// Deployment changes only by an order of the reconciler, or in a way that is recorded under the user's name. A Deployment stops
// being opted in only by another value than "true", or by a removal that leaves the template alone. Another webhook that changes
// the template after Sluice's changes nothing of that, and has no request refused.
func TestNoTemplateReachesThePrimaryUnjudged(t *testing.T) {
	for seed := range uint64(300) {
		s := &story{T: t, rand: rand.New(rand.NewPCG(seed, 7)), now: someone.Now, stored: read(deployment("v1", nil))}
		for range 20 {
			s.step()
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(s.log, "\n"))
		}
	}
}

func (s *story) image() string { return fmt.Sprintf("v%d", s.rand.IntN(5)) }

// stated are the annotations of a manifest.
func (s *story) stated() map[string]string {
	stated := map[string]string{}
	if s.rand.IntN(2) == 0 {
		stated[config.AnnotationCanary] = "true"
	}
	if s.rand.IntN(4) == 0 {
		stated[config.AnnotationSkipAnalysis] = "true"
	}
	return stated
}

func (s *story) step() {
	requests := []func() (map[string]any, Request){s.patch, s.patch, s.put, s.undo, s.applyClientSide, s.applyServerSide, s.optInOrOut, s.ask, s.order}
	s.now = s.now.Add(time.Minute)
	updated, by := requests[s.rand.IntN(len(requests))]()
	by.Now = s.now
	if !by.Reconciler && s.rand.IntN(3) == 0 {
		updated = scaled(copied(updated), int64(1+s.rand.IntN(4)))
	}
	result, err := Render(s.stored, updated, by)
	decided := result.Object
	if err == nil {
		result, err = s.afterRender(result, by)
	}
	s.log = append(s.log, fmt.Sprintf("%s as %s: %s %v -> %v, %v", by.User, by.Manager, imageOf(updated), keysWithPrefix(updated), result.Warnings, err))
	if err != nil {
		return // it stores nothing
	}
	s.check(updated, decided, result.Object, by)
	s.checkReplicas(updated, decided, result.Object, by)
	s.revisions = append(s.revisions, s.stored)
	s.stored = read(result.Object)
}

// afterRender is what comes after Render: other webhooks that change the template, Keep unless it does not answer, and the
// guard.
func (s *story) afterRender(decided Result, by Request) (Result, error) {
	result, others, answers := read(decided.Object), s.rand.IntN(2) == 0, s.rand.IntN(4) > 0
	if others {
		result = read(withImage(result, "late"))
	}
	if answers {
		kept, err := Keep(s.stored, result, by)
		if err != nil {
			s.Errorf("Keep refuses: %v", err)
		}
		result = read(kept.Object)
	}
	err := guard(s.stored, result, by)
	if err != nil && (answers || !others) {
		s.Errorf("the guard refuses what is kept: %v", err)
	}
	template := mustTemplate(s.T, decided.Object)
	direct := annotationsOf(decided.Object)[config.AnnotationDirect]
	isDirect := !by.Reconciler && direct != "" && direct != annotationsOf(s.stored)[config.AnnotationDirect]
	isManaged := config.OptedIn(annotationsOf(s.stored)) || config.OptedIn(annotationsOf(result))
	if answers && isManaged && !isDirect && !workload.Equal(mustTemplate(s.T, result), template) {
		s.Errorf("stored is %s, decided was %s", imageOf(result), imageOf(decided.Object))
	}
	return Result{Object: result, Warnings: decided.Warnings}, err
}

func keysWithPrefix(object map[string]any) map[string]string {
	kept := map[string]string{}
	for key, value := range annotationsOf(object) {
		if strings.HasPrefix(key, config.Prefix) {
			kept[strings.TrimPrefix(key, config.Prefix)] = value[:min(len(value), 12)]
		}
	}
	return kept
}

// check holds one stored result against the promise.
func (s *story) check(updated, decided, result map[string]any, by Request) {
	before, after := annotationsOf(s.stored), annotationsOf(result)
	value, says := annotationsOf(updated)[config.AnnotationCanary]
	changed := imageOf(s.stored) != imageOf(result)
	optsOut := config.OptedIn(before) && !config.OptedIn(after)
	direct, err := lastDirect(after)
	told := err == nil && direct != nil && before[config.AnnotationDirect] != after[config.AnnotationDirect] && direct.By == by.User &&
		(direct.Hash == mustTemplate(s.T, result).KnownHash() || direct.Hash == mustTemplate(s.T, decided).KnownHash())
	if kept, now := recorded(before), recorded(after); now < kept || told && now != kept+1 {
		s.Errorf("%d direct changes were recorded, and now %d", kept, now)
	}
	switch {
	case optsOut && says && value == "true", optsOut && !says && imageOf(s.stored) != imageOf(decided):
		s.Errorf("opted out without being asked to")
	case optsOut && !told:
		s.Errorf("opted out without a record: %v", direct)
	case config.OptedIn(before) && changed && !by.Reconciler && !told:
		s.Errorf("the primary's template changes from %s to %s without a record", imageOf(s.stored), imageOf(result))
	case !config.OptedIn(before) && config.OptedIn(after) && changed && !told:
		s.Errorf("opted in with a change from %s to %s without a record", imageOf(s.stored), imageOf(result))
	}
}

// checkReplicas holds that no request lowers the replicas of a template that it would replace, and that a promotion stores
// what the candidate holds.
func (s *story) checkReplicas(updated, decided, result map[string]any, by Request) {
	stored, asked, got := count(specOf(s.stored)["replicas"]), count(specOf(updated)["replicas"]), count(specOf(result)["replicas"])
	candidate, _ := workload.CandidateOf(annotationsOf(s.stored))
	_, promotes := annotationsOf(updated)[config.AnnotationPromote]
	held := config.OptedIn(annotationsOf(s.stored)) && config.OptedIn(annotationsOf(result)) && imageOf(updated) != imageOf(s.stored) && imageOf(decided) == imageOf(s.stored)
	switch {
	case held && !by.Reconciler && got < stored:
		s.Errorf("%d of %d replicas are left of a template that stays, as a request for %d and another template says", got, stored, asked)
	case held && !by.Reconciler && asked > stored && got != asked:
		s.Errorf("%d replicas instead of %d, which harm nobody", got, asked)
	case promotes && by.Reconciler && imageOf(decided) != imageOf(s.stored):
		want := changedSpec(s.stored, candidate.Around.Due(specOf(s.stored)))
		if imageOf(decided) != imageOf(deploymentWith(candidate.Template)) || got != count(specOf(want)["replicas"]) {
			s.Errorf("promoted %s with %d replicas instead of %d", imageOf(decided), got, count(specOf(want)["replicas"]))
		}
	}
}

// recorded counts the direct changes of a record, and those that it had no room for.
func recorded(annotations map[string]string) (number int) {
	directs, _ := workload.DirectsOf(annotations)
	for _, direct := range directs {
		number += 1 + int(direct.Dropped)
	}
	return number
}

func mustTemplate(t *testing.T, object map[string]any) workload.Template {
	t.Helper()
	template, err := templateOf(object)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// patch changes some of what is stored, as kubectl set, edit, label and patch do.
func (s *story) patch() (map[string]any, Request) {
	updated := copied(s.stored)
	if s.rand.IntN(3) > 0 {
		updated = withImage(updated, s.image())
	}
	for _, key := range append(config.RecordKeys(), config.AnnotationCanary) {
		if s.rand.IntN(8) == 0 {
			updated = lacking(updated, key)
		}
	}
	if s.rand.IntN(8) == 0 {
		updated = with(updated, map[string]string{config.AnnotationCandidate: candidateOf(s.image(), "")})
	}
	return read(updated), Request{User: "jane", Manager: "kubectl-edit"}
}

// put sends a manifest, as kubectl replace and Argo CD do.
func (s *story) put() (map[string]any, Request) {
	updated := with(plain(s.image(), nil), s.stated())
	(&unstructured.Unstructured{Object: updated}).SetManagedFields((&unstructured.Unstructured{Object: s.stored}).GetManagedFields())
	return updated, Request{User: "argo", Manager: []string{"", "kubectl-replace", "argocd"}[s.rand.IntN(3)]}
}

// undo brings the template and all annotations of an earlier time, or of one from before Sluice.
func (s *story) undo() (map[string]any, Request) {
	if len(s.revisions) == 0 || s.rand.IntN(3) == 0 {
		return read(withImage(plain("", nil), s.image())), Request{User: "jane", Manager: "kubectl"}
	}
	then := s.revisions[s.rand.IntN(len(s.revisions))]
	return read(withImage(then, imageOf(then))), Request{User: "jane", Manager: "kubectl"}
}

// applyClientSide sends the patch that kubectl apply computes.
func (s *story) applyClientSide() (map[string]any, Request) {
	image, stated := s.image(), s.stated()
	updated := withImage(s.stored, image)
	var before map[string]string
	if last := annotationsOf(s.stored)[corev1.LastAppliedConfigAnnotation]; last != "" {
		if object, err := decodeNumbers([]byte(last)); err == nil {
			before = annotationsOf(object)
		}
	}
	for key := range before {
		updated = lacking(updated, key)
	}
	return read(with(with(updated, stated), appliedWith(image, stated))), Request{User: "jane", Manager: clientSideApply}
}

// applyServerSide makes what the API server makes of an apply: what the manager owned and leaves out is removed.
func (s *story) applyServerSide() (map[string]any, Request) {
	const manager = "flux"
	image, stated := s.image(), s.stated()
	updated := withImage(s.stored, image)
	if entry := entryOf(s.stored, manager, metav1.ManagedFieldsOperationApply); entry != nil {
		for _, key := range []string{config.AnnotationCanary, config.AnnotationSkipAnalysis} {
			if strings.Contains(entry.FieldsV1.GetRawString(), key) {
				updated = lacking(updated, key)
			}
		}
	}
	updated = with(updated, stated)
	var owned []string
	for key := range stated {
		owned = append(owned, fmt.Sprintf("%q:{}", "f:"+key))
	}
	(&unstructured.Unstructured{Object: updated}).SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:metadata":{"f:annotations":{%s}},"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`,
			strings.Join(owned, ","))),
	}})
	return read(updated), Request{User: "flux", Manager: manager}
}

// optInOrOut says it, with or without another template.
func (s *story) optInOrOut() (map[string]any, Request) {
	updated := with(s.stored, map[string]string{config.AnnotationCanary: []string{"true", "true", "false"}[s.rand.IntN(3)]})
	if s.rand.IntN(3) == 0 {
		updated = withImage(updated, s.image())
	}
	return read(updated), Request{User: "joe", Manager: "kubectl-annotate"}
}

// ask makes a one-time request, or sets a bypass, together with another template or not.
func (s *story) ask() (map[string]any, Request) {
	asked := []map[string]string{
		{config.AnnotationAbort: "true"}, {config.AnnotationRetry: "true"}, {config.AnnotationReset: "true"},
		{config.AnnotationBypass: s.now.Add(30*time.Minute).Format(time.RFC3339) + "; outage"},
	}
	updated := with(s.stored, asked[s.rand.IntN(len(asked))])
	if s.rand.IntN(3) == 0 {
		updated = withImage(updated, s.image())
	}
	return read(updated), Request{User: "jane", Manager: "kubectl-annotate"}
}

// order is a request of the reconciler, in time or late.
func (s *story) order() (map[string]any, Request) {
	notes := map[string]string{}
	if candidate, err := workload.CandidateOf(annotationsOf(s.stored)); err == nil && candidate != nil {
		orders := []string{config.AnnotationPromote, config.AnnotationFail, config.AnnotationLetThrough}
		notes[orders[s.rand.IntN(len(orders))]] = candidate.ID().String()
	}
	if previous, err := workload.PreviousOf(annotationsOf(s.stored)); err == nil && previous != nil {
		notes = map[string]string{[]string{config.AnnotationSettle, config.AnnotationRestore}[s.rand.IntN(2)]: previous.ID().String()}
	}
	by := sluice
	return read(with(s.stored, maps.Clone(notes))), by
}
