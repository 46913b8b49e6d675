package route

import "slices"

// builder renders intents for one rule of the user.
type builder struct {
	route   Route
	intents Intents
	// index is the position of the rule among the user's. The names of added rules contain it.
	index int
	rule  map[string]any
}

// rules returns the rules that are added for the user's rule, and last the rule itself with the canary's share in it.
func (b builder) rules() ([]map[string]any, error) {
	weighted, err := b.weighted(b.splits())
	if err != nil {
		return nil, err
	}
	added, err := b.added(weighted)
	if err != nil {
		return nil, err
	}
	return append(added, weighted), nil
}

// splits returns the splits whose primaries the rule sends to.
func (b builder) splits() []Split {
	return slices.DeleteFunc(slices.Clone(b.intents.Splits), func(s Split) bool {
		primary, _ := s.backends(b.route.Namespace)
		return !sends(b.rule, primary, b.route.Namespace)
	})
}

// weighted returns the user's rule in which every reference to the primary of a split shares its weight with one to its canary.
func (b builder) weighted(splits []Split) (map[string]any, error) {
	if len(splits) == 0 {
		return b.rule, nil
	}
	result, scale := copied(b.rule), int64(1)
	for _, split := range splits {
		scale = max(scale, split.scale())
	}
	refs := listOf(result, "backendRefs")
	shared := make([]any, 0, len(refs)+len(splits))
	for _, item := range refs {
		ref := asMap(item)
		if ref == nil {
			shared = append(shared, item)
			continue
		}
		setWeight(ref, multiplied(weightOf(ref), scale))
		pair, err := b.paired(ref, splits)
		if err != nil {
			return nil, err
		}
		shared = append(shared, pair...)
	}
	result["backendRefs"] = shared
	for _, split := range splits {
		if err := b.canMirror(split); err != nil {
			return nil, err
		}
		split.mirror(result, b.route.Namespace)
	}
	return result, nil
}

// paired shares the weight of a reference to a primary with one to its canary, and one to its control if it has one, which it adds. It
// changes the reference.
func (b builder) paired(ref map[string]any, splits []Split) ([]any, error) {
	at := slices.IndexFunc(splits, func(s Split) bool {
		primary, _ := s.backends(b.route.Namespace)
		return backendOf(ref, b.route.Namespace) == primary
	})
	if at == -1 {
		return []any{ref}, nil
	}
	split, whole := splits[at], weightOf(ref)
	part := share(whole, split.Weight)
	canary := split.canaryRef(ref)
	refs := []any{ref, canary}
	if split.Control != "" {
		control := copied(ref)
		control["name"] = split.Control
		same := min(part, whole-part)
		setWeight(control, same)
		whole -= same
		refs = append(refs, control)
	}
	setWeight(ref, whole-part)
	setWeight(canary, part)
	return refs, b.cookies(split, ref, canary)
}
