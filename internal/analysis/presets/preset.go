package presets

// Preset is one source of metrics.
type Preset struct {
	// Name is what a policy says, and that of the file.
	Name string `json:"name"`
	// Of names what writes the series, for people.
	Of string `json:"of"`
	// Controllers are the controllerNames of the GatewayClasses that the preset is chosen for. None for a preset that is only chosen by name.
	Controllers []string `json:"controllers,omitempty"`
	// Uses is the preset whose series are judged instead, because those of the gateway cannot tell the versions apart. Such a preset has none.
	Uses string `json:"uses,omitempty"`
	// Counts says whose counters these are.
	Counts Counter `json:"counts,omitempty"`
	// Version tells the series of the two versions apart.
	Version Version `json:"version,omitzero"`
	// Labels must be on the series of both versions.
	Labels []Label `json:"labels,omitempty"`
	// Routes are labels that may name a route, for messages.
	Routes []string `json:"routes,omitempty"`
	// Series are the names in different releases or conventions. Of each version, the first that answers is taken.
	Series []Series `json:"series,omitempty"`
	// BlindToCalls means that gRPC calls are counted by their HTTP status, which is the same for failed calls.
	BlindToCalls bool `json:"blindToCalls,omitempty"`
	// Needs are what must be set so that the series are there.
	Needs []Need `json:"needs,omitempty"`
	// CannotSee says, a sentence each, what these series do not show.
	CannotSee []string `json:"cannotSee"`
	// Proven says how the names were proven.
	Proven Proof `json:"proven"`
	// Source says where the names of the series come from, or that they are not verified.
	Source []string `json:"source"`
}

// Proof is how the names of a preset were proven.
type Proof string

const (
	// Running means that they were read from a running gateway or app.
	Running Proof = "running"
	// Documents means that they were read in its documents or source.
	Documents Proof = "documents"
	// NotVerified means that a name is a guess, or that nobody knows a better one than the app's.
	NotVerified Proof = "not verified"
)

// Counter is who counts requests.
type Counter string

const (
	// Gateway means that proxies count the requests to both versions.
	Gateway Counter = "gateway"
	// Pods means that each pod counts its own requests, and the label pod names it.
	Pods Counter = "pods"
)

// Version is the label whose value differs between the versions.
type Version struct {
	Label string `json:"label,omitempty"`
	// Is names a form of values: pod for the name of a pod of the Deployment, workload for that of the Deployment, traefik-service for
	// Traefik's name of a backend.
	Is string `json:"is,omitempty"`
	// Like are forms of values instead, with {namespace}, {service}, {workload}, {port} (one that the routes send to) and {any}.
	Like []string `json:"like,omitempty"`
}

// Label is a label with one of three conditions. {namespace} stands for that of the workload.
type Label struct {
	Name string `json:"name"`
	// Is is its value, Matches a regular expression for it, and Not what it must not be.
	Is      string `json:"is,omitempty"`
	Matches string `json:"matches,omitempty"`
	Not     string `json:"not,omitempty"`
}

// Series are the names of one release or convention.
type Series struct {
	// Requests is the counter of answered requests.
	Requests string `json:"requests"`
	// Code is its label with the HTTP status. Empty if it has only that of gRPC.
	Code string `json:"code,omitempty"`
	// GRPC are labels with the status of gRPC, as a number or a word. A release has one of them.
	GRPC []string `json:"grpc,omitempty"`
	// Buckets is the classic histogram of durations, and Unit what it counts in: seconds or milliseconds.
	Buckets string `json:"buckets"`
	Unit    Unit   `json:"unit"`
}

// Unit is that of durations.
type Unit string

// Units of durations.
const (
	Seconds      Unit = "seconds"
	Milliseconds Unit = "milliseconds"
)

// PerMillisecond is how many units make a millisecond.
func (u Unit) PerMillisecond() float64 {
	if u == Milliseconds {
		return 1
	}
	return 0.001
}

// Need is something without which series or labels are missing.
type Need struct {
	// Missing is what is not there without it.
	Missing string `json:"missing"`
	// Add is the line to add, and To where.
	Add string `json:"add"`
	To  string `json:"to"`
}
