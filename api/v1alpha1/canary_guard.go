package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GuardStatus is what the guard knows of a rollout, and what it has last decided.
type GuardStatus struct {
	// off says why the guard does not judge this rollout. The checks judge it instead. Empty while the guard judges.
	// +optional
	Off string `json:"off,omitempty"`
	// action is what the guard has last decided in this step: hold, advance, return (to the step before), pause or rollback.
	// +optional
	Action string `json:"action,omitempty"`
	// reason is why, in one word, such as Collecting, Accepted, Harm or EnvironmentDegraded.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says what the data shows and what follows, in one sentence.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Message string `json:"message,omitempty"`
	// harm is how many times likelier the data is if the canary is harmful. 1 means that the data says nothing.
	// +optional
	Harm float64 `json:"harm,omitempty"`
	// proof is the value of harm at which the rollout is rolled back.
	// +optional
	Proof float64 `json:"proof,omitempty"`
	// failing is what most of the canary's failed requests had in common in the last poll that had some, such as status 503 on route
	// "checkout". Absent if nothing failed, or if the metrics do not tell.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Failing string `json:"failing,omitempty"`
	// every is how often the counters are read: as often as the metrics server scrapes. Absent until that is known.
	// +optional
	Every *metav1.Duration `json:"every,omitempty"`
	// expected is how long the rollout of a healthy version is expected to take, as of its start. Absent if the traffic of the hour
	// before is not known.
	// +optional
	Expected string `json:"expected,omitempty"`
	// ladder are the weights of ladder: auto in this rollout, in percent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Ladder []float64 `json:"ladder,omitempty"`
	// paused is why the guard has paused the rollout. Absent while it has not.
	// +optional
	Paused *GuardPause `json:"paused,omitempty"`
	// restarts is how often the guard has started over: its evidence was lost, or was about an edited canary. Each time, it asks for twice
	// the proof.
	// +optional
	Restarts int32 `json:"restarts,omitempty"`
	// compared compares both versions where other people use each: in A/B tests, with testers, and with users who stay at their version.
	// It moves nothing. Absent where requests are split at random.
	// +optional
	// +listType=map
	// +listMapKey=users
	// +kubebuilder:validation:MaxItems=3
	Compared []VersionsCompared `json:"compared,omitempty"`
	// pairs are what the last poll has read of the policy's own counters, from which the next one continues. Absent without any.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Pairs []PairCounters `json:"pairs,omitempty"`
	// judged is when the guard last looked.
	// +optional
	Judged *metav1.MicroTime `json:"judged,omitempty"`
	// polled is when the counters were last read with new samples of both versions.
	// +optional
	Polled *metav1.MicroTime `json:"polled,omitempty"`
	// sampled is when the older of the newest samples of both versions was scraped.
	// +optional
	Sampled *metav1.MicroTime `json:"sampled,omitempty"`
	// counters are the last samples of the counters of both versions, from which the next poll continues. For Sluice only.
	// +optional
	// +kubebuilder:validation:MaxLength=12288
	Counters string `json:"counters,omitempty"`
	// evidence is the state of the tests. For Sluice only.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Evidence string `json:"evidence,omitempty"`
}

// ComparedUsers says which users had the canary while both versions were compared.
// +kubebuilder:validation:Enum=Matched;Testers;Sticky
type ComparedUsers string

// The users of a comparison.
const (
	// ComparedMatched are those whose requests match.
	ComparedMatched ComparedUsers = "Matched"
	// ComparedTesters are those whose requests match, and others by weight.
	ComparedTesters ComparedUsers = "Testers"
	// ComparedSticky are those who stay at their version by a cookie.
	ComparedSticky ComparedUsers = "Sticky"
)

// VersionsCompared compares both versions.
type VersionsCompared struct {
	// users are those who had the canary: Matched (whose requests match), Testers (whose requests match, and others by weight), or Sticky
	// (who stay at their version by a cookie).
	Users ComparedUsers `json:"users"`
	// text has the error rates of both versions, their ratio, and the shares of slow requests, each with an interval, in one sentence.
	// +kubebuilder:validation:MaxLength=1024
	Text string `json:"text"`
}

// ControlStatus is the control of a rollout: pods of the primary's template, with which the guard compares the canary.
type ControlStatus struct {
	// name is the name of the control's Deployment.
	Name string `json:"name"`
	// off says why the canary is compared with the primary instead, until the end of the rollout. Empty while it is not.
	// +optional
	Off string `json:"off,omitempty"`
	// ready is when the control was first observed to be ready. It gets requests only then. Absent while it is not ready.
	// +optional
	Ready *metav1.MicroTime `json:"ready,omitempty"`
	// waitingSince is since when the control has not had the pods that it should have. Absent while it has them.
	// +optional
	WaitingSince *metav1.MicroTime `json:"waitingSince,omitempty"`
	// cleared is when the routes were first observed without the control. Its pods are removed a moment later. Absent while it may get
	// requests.
	// +optional
	Cleared *metav1.MicroTime `json:"cleared,omitempty"`
	// written is the control's pod template as the API server stored it. Absent until it was first observed.
	// +optional
	Written *WrittenTemplate `json:"written,omitempty"`
}

// PairCounters are the counters of one pair, bad and total, as they were last read for both versions.
type PairCounters struct {
	// name is that of the metric.
	Name string `json:"name"`
	// canary and primary are the counters of both versions. Absent until both were read once.
	// +optional
	Canary *PairCount `json:"canary,omitempty"`
	// +optional
	Primary *PairCount `json:"primary,omitempty"`
	// missing says why the last poll has no data of this pair. Empty if it has.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Missing string `json:"missing,omitempty"`
	// fallen is the number of polls in a row in which a counter was below its last value.
	// +optional
	Fallen int32 `json:"fallen,omitempty"`
}

// PairCount is the value of two counters.
type PairCount struct {
	// bad and total are the events so far.
	Bad   float64 `json:"bad"`
	Total float64 `json:"total"`
}

// GuardPause is a pause by the guard, until a person decides.
type GuardPause struct {
	// since is when it began.
	Since *metav1.MicroTime `json:"since"`
	// text says why, in one sentence.
	// +kubebuilder:validation:MaxLength=2048
	Text string `json:"text"`
}
