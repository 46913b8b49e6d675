package route

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
	weighted, err := b.weighted()
	if err != nil {
		return nil, err
	}
	added, err := b.added(weighted)
	if err != nil {
		return nil, err
	}
	return append(added, weighted), nil
}

// weighted returns the user's rule in which every reference to the primary shares its weight with one to the canary.
func (b builder) weighted() (map[string]any, error) {
	split := b.intents.Split
	if split == nil {
		return b.rule, nil
	}
	primary, _ := split.backends(b.route.Namespace)
	if !sends(b.rule, primary, b.route.Namespace) {
		return b.rule, nil
	}
	result := copied(b.rule)
	refs := listOf(result, "backendRefs")
	shared := make([]any, 0, len(refs)+1)
	for _, item := range refs {
		ref := asMap(item)
		if ref == nil {
			shared = append(shared, item)
			continue
		}
		whole := multiplied(weightOf(ref), split.scale())
		setWeight(ref, whole)
		shared = append(shared, ref)
		if backendOf(ref, b.route.Namespace) != primary {
			continue
		}
		part := share(whole, split.Weight)
		canary := split.canaryRef(ref)
		setWeight(ref, whole-part)
		setWeight(canary, part)
		if err := b.cookies(ref, canary); err != nil {
			return nil, err
		}
		shared = append(shared, canary)
	}
	result["backendRefs"] = shared
	b.mirror(result)
	return result, nil
}
