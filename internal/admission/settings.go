package admission

import (
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
	old := s.isOldRevision()
	var changed []string
	for _, key := range config.SettingKeys() {
		stored, was := s.storedAnnotations[key]
		asked, is := s.requestedAnnotations[key]
		if key == config.AnnotationCanary || was == is && stored == asked {
			continue
		}
		changed = append(changed, strings.TrimPrefix(key, config.Prefix))
		switch {
		case !old:
		case was:
			s.annotations[key] = stored
		default:
			delete(s.annotations, key)
		}
	}
	switch {
	case len(changed) == 0:
	case old:
		s.warn("settings of an old revision are not taken over: %s; change settings in a request of their own", strings.Join(changed, ", "))
	default:
		s.warn("settings change together with the pod template and take effect at once: %s", strings.Join(changed, ", "))
	}
	return nil
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
