package reconciler

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/events"
	"sluice.dev/sluice/rollout/observed"
	"sluice.dev/sluice/rollout/plan"
)

// HookFunc calls one hook. It runs outside of ticks and may take as long as the hook allows.
type HookFunc func(ctx context.Context, call plan.HookCall) observed.HookAnswer

// mostTold is how many ticks of one Canary may have notifications in flight. A hook that does not keep up is not notified.
const mostTold = 20

// lastCalls is how long notifications may still take once their Canary is gone, or once this process no longer reconciles.
const lastCalls = 10 * time.Second

// hooks calls hooks outside of ticks. An answer wakes the Canary, and its next tick observes it. Calls live in memory only;
// after a restart they are made again, with the same checksum.
type hooks struct {
	hook  HookFunc
	woken chan event.GenericEvent
	// ended is closed once nobody is woken any more.
	ended chan struct{}

	mu      sync.Mutex
	asked   map[types.NamespacedName]map[string]*question
	telling map[types.NamespacedName]*telling
}

// telling are the notifications of one Canary that are in flight.
type telling struct {
	ticks  int
	ctx    context.Context
	cancel context.CancelFunc
}

// question is the last call of one hook.
type question struct {
	text   string
	cancel context.CancelFunc
	answer *observed.HookAnswer
}

func newHooks(hook HookFunc) *hooks {
	return &hooks{hook: hook, woken: make(chan event.GenericEvent), ended: make(chan struct{}), asked: map[types.NamespacedName]map[string]*question{}, telling: map[types.NamespacedName]*telling{}}
}

// answers returns the answers to these calls that have arrived.
func (h *hooks) answers(key types.NamespacedName, calls []plan.HookCall) []observed.HookAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	var answers []observed.HookAnswer
	for _, call := range calls {
		if last := h.asked[key][call.Hook.Name]; last != nil && last.text == call.Question && last.answer != nil {
			answers = append(answers, *last.answer)
		}
	}
	return answers
}

// ask makes the calls that have not been made yet. A hook has at most one call in flight: a new question cancels the previous
// one.
func (h *hooks) ask(ctx context.Context, key types.NamespacedName, calls []plan.HookCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(key, calls)
	for _, call := range calls {
		if last := h.asked[key][call.Hook.Name]; last == nil || last.text != call.Question {
			h.call(ctx, key, call)
		}
	}
}

// drop forgets the answers that no tick waits for any more. If the same question comes up later, such as at a step to which the
// rollout has gone back, the hook is called again. The lock must be held.
func (h *hooks) drop(key types.NamespacedName, calls []plan.HookCall) {
	maps.DeleteFunc(h.asked[key], func(name string, asked *question) bool {
		return asked.answer != nil && !slices.ContainsFunc(calls, func(call plan.HookCall) bool { return call.Hook.Name == name })
	})
}

// call makes a call. The lock must be held.
func (h *hooks) call(ctx context.Context, key types.NamespacedName, call plan.HookCall) {
	if h.hook == nil {
		return
	}
	if h.asked[key] == nil {
		h.asked[key] = map[string]*question{}
	}
	if last := h.asked[key][call.Hook.Name]; last != nil {
		last.cancel()
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	asked := &question{text: call.Question, cancel: cancel}
	h.asked[key][call.Hook.Name] = asked
	go func() {
		defer cancel()
		answer := h.hook(ctx, call)
		if ctx.Err() != nil {
			return
		}
		h.mu.Lock()
		asked.answer = &answer
		h.mu.Unlock()
		select {
		case h.woken <- wakeUp(key):
		case <-h.ended:
		}
	}()
}

// tell makes calls whose answers no tick waits for, one after another.
func (h *hooks) tell(ctx context.Context, key types.NamespacedName, calls []plan.HookCall, answered func(v1alpha1.Webhook, observed.HookAnswer)) {
	if h.hook == nil || len(calls) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.telling[key]
	if told == nil {
		told = &telling{}
		told.ctx, told.cancel = context.WithCancel(context.WithoutCancel(ctx))
		h.telling[key] = told
	}
	if told.ticks >= mostTold {
		log.FromContext(ctx).Info("hooks do not keep up and are not notified", "calls", len(calls), "first", calls[0].Hook.Name)
		return
	}
	told.ticks++
	go func() {
		for _, call := range calls {
			answered(call.Hook, h.hook(told.ctx, call))
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if told.ticks--; told.ticks > 0 {
			return
		}
		told.cancel()
		if h.telling[key] == told {
			delete(h.telling, key)
		}
	}()
}

// forget cancels the calls for a Canary that is gone. The notifications of its end have a little more time.
func (h *hooks) forget(key types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, asked := range h.asked[key] {
		asked.cancel()
	}
	delete(h.asked, key)
	if told := h.telling[key]; told != nil {
		time.AfterFunc(lastCalls, told.cancel)
		delete(h.telling, key)
	}
}

// end cancels the calls whose answers no tick will observe. Notifications have a little more time.
func (h *hooks) end() {
	close(h.ended)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, questions := range h.asked {
		for _, asked := range questions {
			asked.cancel()
		}
	}
	for _, told := range h.telling {
		time.AfterFunc(lastCalls, told.cancel)
	}
}

// tellHooks notifies hooks of what a tick has decided. The answer to the end of a rollout becomes an event.
func (r *Reconciler) tellHooks(ctx context.Context, o reading, p plan.Plan) {
	r.memory.hooks.tell(ctx, o.Key(), p.Tells, func(hook v1alpha1.Webhook, answer observed.HookAnswer) {
		if hook.Type == v1alpha1.HookPostRollout {
			r.tell(o, events.HookTold(hook, answer))
		} else if !answer.Yes {
			log.FromContext(ctx).Info("a hook could not be notified", "hook", hook.Name, "because", answer.Message)
		}
	})
}
