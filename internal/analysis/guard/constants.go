package guard

import "time"

// What a policy decides, unless it says otherwise.
const (
	// DefaultAlpha is the chance that a rollout of a healthy version is rolled back, over all polls and metrics. A thousandth
	// would need half as much evidence again.
	DefaultAlpha = 0.01
	// DefaultBeta is the chance that an acceptance, or a bound that is reported, is wrong. An acceptance only moves on to the next
	// step, where the canary is still watched, so it may be wrong more often than a rollback.
	DefaultBeta = 0.05
	// DefaultRho is how many times the primary's rate the canary's may be. A margin is needed: two healthy versions are never
	// exactly alike, and a test with enough requests finds any difference. Most services differ by more than a quarter from hour
	// to hour.
	DefaultRho = 1.25
	// DefaultDelta is what the canary's error rate may be above that. Without it, one error is infinitely many times the rate of a
	// primary that has none.
	DefaultDelta = 0.0005
	// DefaultSLO is the error rate that a healthy version keeps below: 99 %, what Flagger's users write.
	DefaultSLO = 0.01
	// DefaultMinDwell is the least time in a step. It lets a slow start, a cache or a lazy connection show.
	DefaultMinDwell = 15 * time.Second
	// DefaultMaxDwell is when a step ends that has shown neither harm nor health.
	DefaultMaxDwell = time.Minute
	// DefaultFinalWait is how long the last step may wait to be accepted. At half of one request a second, 456 requests without an
	// error, which prove an error rate below 1 %, take 15 minutes. Twice that leaves room for an error.
	DefaultFinalWait = 30 * time.Minute
	// DefaultHoldLimit is how long a rollout is held for one kind of reason, such as suspicion. Longer than most outages, shorter than
	// what a person waits for.
	DefaultHoldLimit = 15 * time.Minute
	// DefaultWarmUp is how young a pod is whose latencies do not count: 30 s cover class loading, connections and first caches.
	DefaultWarmUp = 30 * time.Second
)

// The mixture, which all tests share.
const (
	// started is the part of the evidence that is at stake from the first poll on. The other half waits for a regression that
	// begins later. A regression that is there from the start pays ln 2 for it.
	started = 0.5
	// onset is the share of the reserve that is put at stake at each poll: a regression is expected to begin after 120 polls, ten
	// minutes at 5 s.
	onset = 1.0 / 120
	// agreeing is how many polls must agree before a rollback, however bad one of them is. With one, an outage that the scrape of
	// one arm sees a poll earlier rolls back healthy canaries; with two, none of 7,200.
	agreeing = 2
	// steepest bounds the factor of one poll, e^80. It keeps sums finite.
	steepest = 80.0
	// largest bounds the evidence for one alternative. It fits the numbers of the stored state, and is 10^28 times what any
	// decision needs. Bounding evidence from above keeps every guarantee.
	largest = 1e30
	// mostEvents is the largest number of events of a poll that is believed: ten million requests a second for two minutes.
	mostEvents = 1.2e9
	// mostInSum is the largest sum of events: of a week at more than a billion requests a second. It fits the stored state.
	mostInSum = 1e15
)

// harms are the multiples of the boundary that a test for harm looks for. They are dense near the boundary, where most data is
// needed, and reach to a canary that fails always.
var harms = [harmful]float64{1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256}

// healths are those that an acceptance test looks for, down to a version without errors.
var healths = [healthy]float64{.8, .67, .5, .33, .2, .1, .03, .003}

const (
	harmful = 12
	healthy = 8
	// highest is the largest probability that a test for harm looks for, unless the boundary is near or above it.
	highest = 0.9
)

// Numbers that the tests need.
const (
	// MaxBounds is how many bounds of the histogram are tested. Bounds that double leave about six between the median and the
	// 99.9th percentile. More would only dilute the evidence of each.
	MaxBounds = 6
	// MaxPairs is how many counters of the user's are tested.
	MaxPairs = 8
	// rarest and commonest are the shares of the primary's requests slower than a bound between which every bound is tested. Below, there
	// are too few slow requests to compare, so only the smallest such bound is: a slower canary crosses it first. Above, a slower
	// canary can hardly be slower more often.
	rarest, commonest = 0.001, 0.5
	// leastTimed is how many requests of the primary choose the bounds of a rollout that begins without a history.
	leastTimed = 50
	// endTimed is how many of the primary's last requests choose bounds beside those of the whole history: one of a thousand is one.
	endTimed = 1000
	// damaged is how many times the error rate of the hour before the rollout the whole route may have.
	damaged = 2.0
	// acceptRho is how many times the primary's rate an accepted canary may have. To prove "not above 1.25 times" takes eleven times
	// as many requests as "not above twice".
	acceptRho = 2.0
	// fewSlow is the share of slow requests that an accepted canary may have at any bound, and any canary at a bound that hardly any
	// of the primary's reach. A fiftieth of the requests slower than that is what a 98th percentile would call fine.
	fewSlow = 0.02
	// harmBudget is the share of all requests of the route that may fail because of the next step, in parts of the SLO: half of what
	// the SLO allows.
	harmBudget = 0.5
	// loosest is the highest error rate that an acceptance may prove. Half of all requests failing is no health, however few.
	loosest = 0.5
	// suspicious is the evidence at which a step is not advanced. A healthy canary gets there at any time in the rollout with a
	// probability of at most a half, and mostly falls below it again.
	suspicious = 2.0
	// probable is the least evidence with which suspicion rolls back, as a power of what proves harm: half of the way, ten times likelier
	// where a hundred times is proof. Of healthy canaries that stay suspicious until the limit, five in six have less, and most that
	// do harm have more.
	probable = 0.5
	// recent is the time constant of the primary's recent error rate: the mean age of the data is that of a window of a minute.
	recent = 30 * time.Second
	// pastBad is how many bad events a primary that just keeps its limit has within the longer memory of its error rate, at least:
	// with a limit of 1 %, that is 300 requests. In a shorter one, a primary in an outage of five times the limit often has no error at
	// all, and the canary is blamed. Three expected errors are none only once in twenty times.
	pastBad = 3.0
	// forgiven is the time constant after which the primary's errors count less, also where few requests follow. It is as long as the
	// longest hold: without it, a single error among few requests would be blamed for the rest of the rollout.
	forgiven = 15 * time.Minute
	// alone is how much of a single error is left when it no longer speaks of an outage, after that time.
	alone = 0.37
	// historyWindow is the length of the windows of History.
	historyWindow = time.Minute
	// failing is by how many standard deviations the primary's recent errors must be above the SLO before it holds the rollout. A
	// primary just below the SLO is above it for moments, by chance.
	failing = 3.0
	// leastPolls is how many polls a step has before it ends. Two polls may prove harm; the third says that they could have.
	leastPolls = 3
	// staleScrapes is how many scrapes may fail before data is stale. One is missed now and then.
	staleScrapes = 3
	// longestPoll is the longest time between two polls of a rollout that is looked after: more than staleScrapes of the longest scrape
	// interval, two minutes, at which data counts as stale.
	longestPoll = 7 * time.Minute
	// lasting is how long the primary must fail in a row before the rollout goes back a step to see whether the canary is the cause. Most
	// outages of a whole route are others' and short; one that is over by then has not cost a step.
	lasting = time.Minute
	// mostReturns is how often shared damage takes the rollout back a step before it is paused. A second time is no coincidence.
	mostReturns = 2
)

// Burst factor.
const (
	// unknownBursts is the burst factor of tests for harm without enough errors of the primary to compare, and the least one without pods.
	unknownBursts = 2.0
	// burstErrors is the number of errors that the estimate of the burst factor adds, at the factor that is assumed. It keeps a
	// handful of errors from saying anything.
	burstErrors = 10.0
	// leastPairs is how many pairs of windows must have errors to estimate bursts without pods. A quarter of fewer is no quartile.
	leastPairs = 8
	// upperQuartile is that of the squared deviation of independent errors, in variances: of chi-squared with one degree of freedom.
	upperQuartile = 1.323
	// mostBursts is the largest burst factor. Above, hardly any test would end.
	mostBursts = 40.0
)

// Ladder.
const (
	// startRate is how many canary requests a second the first step must bring: two in five seconds, and 24 in the time of a step.
	// Fewer teach nothing in that time.
	startRate = 0.4
	// latestStart is the weight, in percent, of the latest first step. A larger one would hurt more users than it would spare time.
	latestStart = 10.0
)

// ladder are the weights of `ladder: auto`, in percent. Small first steps are what keeps damage small, and they are better
// evidence: an error is worth up to ln(1/w), 6.2 at 0.2 % and 0.7 at 50 %.
var ladder = []float64{0.2, 1, 5, 10, 25, 50}

// Time.
const (
	// unknownScrape is what the time between samples counts as until two are seen. It is the longest that is common.
	unknownScrape = time.Minute
	// longest bounds times, so that their sums do not overflow.
	longest = 100 * 365 * 24 * time.Hour
)
