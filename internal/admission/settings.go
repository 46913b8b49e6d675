package admission

import (
	"slices"
	"strings"

	"sluice.dev/sluice/config"
)

// keepSettings looks at settings that change together with the template in a request that is no manifest. Those that come
// back with an old revision are not taken: kubectl rollout undo brings all annotations of that time, and its user has asked
// for a template. Other changes take effect, and are named.
func (s *subject) keepSettings() error {
	states, err := s.statesTemplate()
	if err != nil || states || s.requested.Equal(s.live) {
		return err
	}
	changed := s.changedSettings()
	named := strings.ReplaceAll(strings.Join(changed, ", "), config.Prefix, "")
	switch {
	case len(changed) == 0:
	case s.isOldRevision():
		s.keep(changed)
		s.warn("settings of an old revision are not taken over: %s; change settings in a request of their own", named)
	default:
		s.warn("settings change together with the pod template and take effect at once: %s", named)
	}
	return nil
}

// changedSettings are the settings that the request changes, apart from the opt-in.
func (s *subject) changedSettings() []string {
	return slices.DeleteFunc(config.SettingKeys(), func(key string) bool {
		stored, was := s.storedAnnotations[key]
		asked, is := s.requestedAnnotations[key]
		return key == config.AnnotationCanary || was == is && stored == asked
	})
}

// keep leaves settings as they are stored.
func (s *subject) keep(settings []string) {
	for _, key := range settings {
		if stored, was := s.storedAnnotations[key]; was {
			s.annotations[key] = stored
		} else {
			delete(s.annotations, key)
		}
	}
}

// isOldRevision reports whether a request that is no manifest brings the annotations of an earlier time: they lack the opt-in,
// or hold a record that is no longer the stored one. The Deployment controller copies annotations to the ReplicaSet of the
// time and never removes them there.
func (s *subject) isOldRevision() bool {
	if _, says := s.requestedAnnotations[config.AnnotationCanary]; !says {
		return true
	}
	for _, key := range config.RecordKeys() {
		if brought, has := s.requestedAnnotations[key]; has && brought != s.storedAnnotations[key] {
			return true
		}
	}
	return false
}
