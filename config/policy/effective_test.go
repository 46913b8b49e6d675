package policy

import (
	"reflect"
	"testing"

	"sluice.dev/sluice/config"
)

func TestDefaultsAndExamplesOfSettings(t *testing.T) {
	nothing, _ := SettingsOf(nil)
	for _, a := range config.Annotations() {
		if a.Kind != config.KindSetting {
			continue
		}
		t.Run(a.Key, func(t *testing.T) {
			if got, problems := SettingsOf(map[string]string{a.Key: a.Example}); len(problems) > 0 {
				t.Errorf("the example: %v", problems)
			} else if isRead(a.Key) && reflect.DeepEqual(got, nothing) {
				t.Errorf("the example %s changes nothing", a.Example)
			}
			if a.Default == "" {
				return
			}
			if policy, problems := For(map[string]string{a.Key: a.Default}); len(problems) > 0 || !reflect.DeepEqual(policy, Defaults()) {
				t.Errorf("%s is not the default: %v, %v", a.Default, policy, problems)
			}
		})
	}
}

// isRead reports whether a setting is part of the Settings; the others are looked at by admission.
func isRead(key string) bool {
	switch key {
	case config.AnnotationCanary, config.AnnotationWhenUnavailable, config.AnnotationRestart, config.AnnotationBypass:
		return false
	}
	return true
}
