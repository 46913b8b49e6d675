package rollout_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"sluice.dev/sluice/api/v1alpha1"
	"sluice.dev/sluice/config/policy"
)

// fields collects what every scene shows.
type fields struct {
	sync.Mutex
	schema installed
	// acting are the paths whose value makes a difference, and words those of their words that do.
	acting map[string]bool
	words  map[string]map[string]bool
	// idle says of the others what was tried.
	idle map[string]string
}

// TestEveryFieldOfAPolicyActsOrIsRefused goes over every field of the schema. In the policies of testdata/fields, each value is
// removed and replaced by others, and what follows must differ: objects, rules of routes, queries, calls, events or verdicts. A
// field that makes no difference anywhere must be among those that are refused, or that are accepted with a word.
func TestEveryFieldOfAPolicyActsOrIsRefused(t *testing.T) {
	all := &fields{schema: installedSchema(t, "sluice.dev_clustercanarypolicies.yaml"), acting: map[string]bool{}, words: map[string]map[string]bool{}, idle: map[string]string{}}
	files, err := filepath.Glob("testdata/fields/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	t.Run("policies", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				all.play(t, name, file)
			})
		}
	})
	for _, path := range leavesOf(all.schema.props, "") {
		_, isRefused := under(refused, path)
		_, isTold := under(told, path)
		switch {
		case all.acting[path] && (isRefused || isTold):
			t.Errorf("%s is said to do nothing, and makes a difference", path)
		case all.acting[path] || isRefused || isTold:
		case all.idle[path] != "":
			t.Errorf("%s is accepted and makes no difference: %s", path, all.idle[path])
		default:
			t.Errorf("%s is in no policy of testdata/fields, and neither refused nor told: set it in one where it makes a difference", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(all.words)) {
		for word, differs := range all.words[path] {
			if _, isTold := under(told, path); !differs && !isTold {
				t.Errorf("%s: the word %q is accepted and makes no difference", path, word)
			}
		}
	}
}

// play tries every value of one policy.
func (f *fields) play(t *testing.T, name, file string) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var given any
	if err := yaml.UnmarshalStrict(content, &given); err != nil {
		t.Fatal(err)
	}
	base := jsonOf(t, given)
	s := sceneOf(name)
	plain, why := f.trace(t, s, base)
	if why != "" {
		t.Fatalf("the policy cannot be used: %s", why)
	}
	for _, l := range setIn(f.schema.props, base, "", nil) {
		f.try(t, s, base, plain, l)
	}
}

// trace plays a spec, or says why it cannot be used.
func (f *fields) trace(t *testing.T, s scene, spec any) (trace, string) {
	if why := f.schema.refuses(t, spec); why != "" {
		return trace{}, why
	}
	content, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var decoded v1alpha1.ClusterPolicySpec
	if err := yaml.UnmarshalStrict(content, &decoded); err != nil {
		return trace{}, err.Error()
	}
	if err := policy.ValidateCluster(v1alpha1.DefaultPolicyName, decoded).ToAggregate(); err != nil {
		return trace{}, err.Error()
	}
	played, usable := s.of(t, decoded)
	if !usable {
		return trace{}, "the values contradict each other"
	}
	return played, ""
}

// try removes a value and sets others, until one makes a difference. Of words, each must.
func (f *fields) try(t *testing.T, s scene, base any, plain trace, l leaf) {
	value := valueAt(base, l.at)
	acts, tried := f.acts(l.path), []string{}
	if strings.Contains(l.path, ".filters[]") && strings.HasSuffix(l.path, ".type") {
		// The value says which of those beside it counts, so it cannot change alone.
		l.at = l.at[:len(l.at)-1]
	}
	for _, other := range append([]any{nil}, others(l.schema, value)...) {
		if acts && f.isKnown(l, other) {
			continue
		}
		played, why := f.trace(t, s, changed(base, l.at, other))
		if why != "" {
			tried = append(tried, fmt.Sprintf("%v is refused: %s", other, why))
			continue
		}
		differs := plain.differs(played)
		acts = acts || differs
		tried = append(tried, fmt.Sprintf("%v differs %v", other, differs))
		if word, is := other.(string); is && len(l.schema.Enum) > 0 {
			f.note(l.path, word, differs)
		}
	}
	if word, is := value.(string); is && len(l.schema.Enum) > 0 {
		f.note(l.path, word, acts)
	}
	f.Lock()
	defer f.Unlock()
	if acts {
		f.acting[l.path] = true
	} else {
		f.idle[l.path] += fmt.Sprintf("\n  %s: %s", l, strings.Join(tried, "\n    "))
	}
}

// acts reports whether a value of a path has made a difference.
func (f *fields) acts(path string) bool {
	f.Lock()
	defer f.Unlock()
	return f.acting[path]
}

// isKnown reports whether nothing new can be learned from a value: it is no word, or a difference by it has been seen.
func (f *fields) isKnown(l leaf, value any) bool {
	f.Lock()
	defer f.Unlock()
	word, is := value.(string)
	return len(l.schema.Enum) == 0 || is && f.words[l.path][word]
}

func (f *fields) note(path, word string, differs bool) {
	f.Lock()
	defer f.Unlock()
	if f.words[path] == nil {
		f.words[path] = map[string]bool{}
	}
	f.words[path][word] = f.words[path][word] || differs
}

// said is a policy that sets a field, and a part of what is said of it.
type said struct{ spec, word string }

// under returns the entry of a path, or of the value that it is a part of.
func under(table map[string]said, path string) (entry said, found bool) {
	for key, entry := range table {
		if rest, is := strings.CutPrefix(path, key); is && (rest == "" || strings.ContainsRune(".[{", rune(rest[0]))) {
			return entry, true
		}
	}
	return said{}, false
}
