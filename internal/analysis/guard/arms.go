package guard

// Acts says which tests act on a rollout.
type Acts struct {
	// Ratio is whether the canary's errors, latencies and pairs are compared with the control's.
	Ratio bool
	// Rate is whether the canary's errors and pairs are compared with their limits.
	Rate bool
	// Missing is whether the canary's share of the requests is compared with its weight.
	Missing bool
	// Route is whether the error rate of all arms together is watched.
	Route bool
	// Requests is whether requests are counted. Without them, only the user's own counters are tested.
	Requests bool
}

// acting says which tests act in which arms. Where the arms are other people, or other requests, one of two healthy arms may well
// fail more often than the other: there the ratio is reported and moves nothing.
var acting = map[Arms]Acts{
	ArmsSplit: {Ratio: true, Rate: true, Missing: true, Route: true, Requests: true},
	// Those who came first, and those who accept cookies, are not like the others. The share follows the users.
	ArmsSticky: {Rate: true, Route: true, Requests: true},
	// A match selects people. How many they are is unknown.
	ArmsMatched: {Rate: true, Route: true, Requests: true},
	// Testers come on top of the weight, so the canary gets at least its share.
	ArmsTesters: {Rate: true, Missing: true, Route: true, Requests: true},
	// The requests are copies of the primary's. Gateways may drop copies under load.
	ArmsMirrored: {Ratio: true, Rate: true, Route: true, Requests: true},
	// Tests send what they like. The primary may suffer from them nevertheless.
	ArmsTests: {Rate: true, Route: true, Requests: true},
	// Nothing is left to compare with.
	ArmsAll:  {Rate: true, Requests: true},
	ArmsNone: {},
	// Both take what comes, each a share of it, and nobody chooses who takes what.
	ArmsWork: {Ratio: true, Rate: true},
}

// Acts returns which tests act in arms. In unknown ones, none does.
func (a Arms) Acts() Acts { return acting[a] }

// served reports whether users get the canary's answers, so that its errors are errors of the route.
func (a Arms) served() bool { return acting[a].Requests && a != ArmsMirrored && a != ArmsTests }

func (a Acts) or(b Acts) Acts {
	return Acts{Ratio: a.Ratio || b.Ratio, Rate: a.Rate || b.Rate, Missing: a.Missing || b.Missing, Route: a.Route || b.Route,
		Requests: a.Requests || b.Requests}
}

// Traffic says how requests reach the canary in a step. Its zero value is a canary that only tests reach.
type Traffic struct {
	// None means that requests are not split or counted at all, and Work that the user's own counters count something else then.
	None, Work bool
	// Weight is the percentage of requests that the canary gets.
	Weight float64
	// Match means that requests that match get the canary, Sticky that users stay at their version, and Mirror that the canary gets
	// copies.
	Match, Sticky, Mirror bool
}

func (t Traffic) withoutRequests() Arms {
	if t.Work {
		return ArmsWork
	}
	return ArmsNone
}

// Arms returns the kind of arms. Where several fit, the one that allows least to be compared wins.
func (t Traffic) Arms() Arms {
	switch {
	case t.None:
		return t.withoutRequests()
	case t.Weight >= 100:
		return ArmsAll
	case t.Match && t.Weight > 0:
		return ArmsTesters
	case t.Match:
		return ArmsMatched
	case t.Sticky && t.Weight > 0:
		return ArmsSticky
	case t.Mirror:
		return ArmsMirrored
	case t.Weight > 0:
		return ArmsSplit
	}
	return ArmsTests
}
