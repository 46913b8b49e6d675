package reconciler

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// listing answers each list with an error or one object, and counts the lists.
type listing struct {
	client.Reader
	err   error
	lists int
}

func (l *listing) List(ctx context.Context, into client.ObjectList, _ ...client.ListOption) error {
	l.lists++
	if _, limited := ctx.Deadline(); !limited {
		return errors.New("an API that hangs would hang the tick")
	}
	into.(*unstructured.UnstructuredList).Items = []unstructured.Unstructured{{}}
	return l.err
}

var errBroken = apierrors.NewInternalError(errors.New("conversion webhook failed"))

// later moves on until failures and absences are forgotten.
func (a *absences) later(kind schema.GroupVersionKind, by time.Duration) {
	noted := a.kinds[kind]
	noted.until = noted.until.Add(-by)
	if !noted.failing.IsZero() {
		noted.failing = noted.failing.Add(-by)
	}
	a.set(kind, noted)
}

func TestAnAPIThatFailsHoldsNoRollout(t *testing.T) {
	g := NewWithT(t)
	api := &listing{}
	r := &reader{live: api}
	list := func() (int, error) {
		found, err := r.optional(t.Context(), "shop", kindScaledObject)
		return len(found), err
	}
	g.Expect(list()).To(Equal(1))
	api.err = errBroken
	_, err := list()
	g.Expect(err).To(MatchError(errBroken), "a failure that may be over soon is tried again")
	r.absent.later(kindScaledObject, scalerPatience)
	lists := api.lists
	for range 3 {
		g.Expect(list()).To(BeZero())
	}
	g.Expect(api.lists).To(Equal(lists+1), "an API that fails is not asked in each tick")
	r.absent.later(kindScaledObject, failurePeriod)
	api.err = nil
	g.Expect(list()).To(Equal(1), "one that has recovered is read again")
	g.Expect(r.absent.kinds).To(BeEmpty())
}

func TestAKindThatCannotBeReadIsNotAskedForInEachTick(t *testing.T) {
	g := NewWithT(t)
	api := &listing{err: apierrors.NewForbidden(schema.GroupResource{}, "", nil)}
	r := &reader{live: api}
	for range 3 {
		found, err := r.optional(t.Context(), "shop", kindScaledObject)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).To(BeEmpty())
	}
	g.Expect(api.lists).To(Equal(1))
	r.absent.later(kindScaledObject, absencePeriod)
	api.err = nil
	found, err := r.optional(t.Context(), "shop", kindScaledObject)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(HaveLen(1))
}

func TestATickThatEndsIsNoFailureOfAnAPI(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &reader{live: &listing{err: context.Canceled}}
	_, err := r.optional(ctx, "shop", kindScaledObject)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(r.absent.kinds).To(BeEmpty())
}
