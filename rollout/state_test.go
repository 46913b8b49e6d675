package rollout

import (
	"reflect"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/rollout/observed"
)

// fillStamps gives every stamp of a struct, and of the structs in it, a different value, and lists the stamps by path.
func fillStamps(value reflect.Value, path string, found map[string]*metav1.MicroTime) {
	for i := range value.NumField() {
		field, name := value.Field(i), path+"."+value.Type().Field(i).Name
		if field.Kind() == reflect.Pointer {
			field.Set(reflect.New(field.Type().Elem()))
			if stamp, is := field.Interface().(*metav1.MicroTime); is {
				found[name] = stamp
				continue
			}
			field = field.Elem()
		}
		if field.Kind() == reflect.Struct {
			fillStamps(field, name, found)
		}
	}
}

func TestNoStampOfARolloutOutrunsTheClock(t *testing.T) {
	rollout, found := v1alpha1.RolloutStatus{}, map[string]*metav1.MicroTime{}
	fillStamps(reflect.ValueOf(&rollout).Elem(), "rollout", found)
	if len(found) < 10 {
		t.Fatalf("only %d stamps are found", len(found))
	}
	known := stampsOf(&rollout)
	for name, stamp := range found {
		if !slices.Contains(known, stamp) {
			t.Errorf("%s is not among the stamps that forgetFuture looks at", name)
		}
	}
}

func TestAStateWhosePhaseAndRolloutDisagreeIsMended(t *testing.T) {
	for _, phase := range phases {
		for name, open := range map[string]*v1alpha1.RolloutStatus{"none": nil, "one": {Step: v1alpha1.StepStatus{Number: 2}}} {
			given := observed.State{Phase: phase, Rollout: open}
			state := continued(given, complete())
			if (state.Rollout != nil) != observed.Active(state) {
				t.Errorf("phase %q with %s: the state that the tick goes on from has %+v", phase, name, state.Rollout)
			}
			if given.Rollout != open {
				t.Errorf("phase %q with %s: what was observed was changed", phase, name)
			}
		}
	}
}
