package route

// builder renders intents for one rule of the user's.
type builder struct {
	route   Route
	intents Intents
	// index of the rule among the user's, which the names of added rules have.
	index int
	rule  map[string]any
}

// weighted is the user's rule in which every reference to the primary shares its weight with one to the canary.
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
	return result, b.mirror(result)
}
