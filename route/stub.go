package route

func (b builder) added(weighted map[string]any) ([]map[string]any, error) { return nil, nil }
func (b builder) cookies(primary, canary map[string]any) error            { return nil }
func (b builder) mirror(rule map[string]any) error                        { return nil }
func unmirror(rule map[string]any, last Split, namespace string)          {}
func (s Split) uncookie(ref map[string]any)                               {}
func checkLimits(plain, rendered Route) error                             { return nil }
func (s Split) canaryRef(primary map[string]any) map[string]any {
	ref := copied(primary)
	ref["name"] = s.Canary
	return ref
}

// Dropped tells what an update by somebody else than the reconciler changes in vain.
func Dropped(old, updated Route) []string { return nil }
