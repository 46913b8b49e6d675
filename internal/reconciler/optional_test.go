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
	for name, c := range map[string]struct {
		kind     schema.GroupVersionKind
		patience time.Duration
	}{
		"policies, which are only warned of":       {labelPolicies[0], 0},
		"ScaledObjects, after some time of trying": {kindScaledObject, scalerPatience},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			api := &listing{}
			r := &reader{live: api}
			list := func() (int, bool, error) {
				found, failing, err := r.optional(t.Context(), "shop", c.kind, c.patience)
				return len(found), failing, err
			}
			g.Expect(list()).To(Equal(1))
			api.err = errBroken
			if c.patience > 0 {
				_, _, err := list()
				g.Expect(err).To(MatchError(errBroken), "a failure that may be over soon is tried again")
				r.absent.later(c.kind, c.patience)
			}
			lists := api.lists
			for range 3 {
				found, failing, err := list()
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(found).To(BeZero())
				g.Expect(failing).To(BeTrue())
			}
			g.Expect(api.lists).To(Equal(lists+1), "an API that fails is not asked in each tick")
			r.absent.later(c.kind, failurePeriod)
			api.err = nil
			g.Expect(list()).To(Equal(1), "one that has recovered is read again")
			g.Expect(r.absent.kinds).To(BeEmpty())
		})
	}
}

func TestAKindThatCannotBeReadIsNotAskedForInEachTick(t *testing.T) {
	g := NewWithT(t)
	api := &listing{err: apierrors.NewForbidden(schema.GroupResource{}, "", nil)}
	r := &reader{live: api}
	for range 3 {
		found, failing, err := r.optional(t.Context(), "shop", kindScaledObject, scalerPatience)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).To(BeEmpty())
		g.Expect(failing).To(BeFalse(), "it is not allowed, which is no failure")
	}
	g.Expect(api.lists).To(Equal(1))
	r.absent.later(kindScaledObject, absencePeriod)
	api.err = nil
	found, _, err := r.optional(t.Context(), "shop", kindScaledObject, scalerPatience)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(HaveLen(1))
}

func TestATickThatEndsIsNoFailureOfAnAPI(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &reader{live: &listing{err: context.Canceled}}
	_, _, err := r.optional(ctx, "shop", labelPolicies[0], 0)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(r.absent.kinds).To(BeEmpty())
}
