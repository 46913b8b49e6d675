package reconciler

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"sluice.dev/sluice/rollout/events"
)

func happened(reason string, number int) []events.Event {
	return []events.Event{{Reason: reason, Message: fmt.Sprint(number)}}
}

// TestEventsOfOneCanaryAreLimited has a storm of two kinds of events for an hour, and a third kind in the middle of it.
func TestEventsOfOneCanaryAreLimited(t *testing.T) {
	var b budget
	began := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	sent := map[string]int{}
	var limited, dropped []events.Event
	pass := func(after time.Duration, of []events.Event) {
		for _, event := range b.pass(subject, began.Add(after), of) {
			switch sent[event.Reason]++; event.Reason {
			case "EventsLimited":
				limited = append(limited, event)
			case "EventsDropped":
				dropped = append(dropped, event)
			}
		}
	}
	for i := range 3600 {
		pass(time.Duration(i)*time.Second, happened([]string{"Held", "Superseded"}[i%2], i))
		if i == 1800 {
			pass(30*time.Minute, happened("Failed", i))
		}
	}
	want := map[string]int{"Held": mostEventsInPeriod / 2, "Superseded": mostEventsInPeriod / 2, "Failed": 1, "EventsLimited": 1}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	pass(time.Hour, happened("Held", 0))
	pass(time.Hour, happened("Held", 1))
	want["Held"], want["EventsDropped"] = want["Held"]+2, 1
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]events.Event{{Warning: true, Reason: "EventsLimited", Message: "200 events within an hour: until 04:00:00 only the first event of each kind is recorded"}}, limited); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]events.Event{{Warning: true, Reason: "EventsDropped", Message: "3400 events between 03:00:00 and 04:00:00 were not recorded: there were too many"}}, dropped); diff != "" {
		t.Error(diff)
	}
}

func TestTheStormOfOneCanaryCostsNoEventOfAnother(t *testing.T) {
	var b budget
	other := types.NamespacedName{Namespace: "shop", Name: "other"}
	for i := range 1000 {
		b.pass(subject, time.Now(), happened("Held", i))
	}
	if got := b.pass(other, time.Now(), happened("Held", 0)); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	b.forget(subject)
	b.forget(other)
	if len(b.of) > 0 {
		t.Errorf("%d are remembered", len(b.of))
	}
}
