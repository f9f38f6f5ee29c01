package wire

import "encoding/json"

// StateSpec declares a state.
type StateSpec struct {
	Kind       string             `json:"kind,omitempty" enum:"running,quantiles,labels,multipliers,users,neighbours" doc:"What it remembers"`
	Keys       int                `json:"keys,omitempty" minimum:"0" doc:"That it may have"`
	Capacity   int                `json:"capacity,omitempty" minimum:"0" doc:"Of quantiles: values that are kept of a key"`
	Keep       string             `json:"keep,omitempty" enum:"sample,last" doc:"Of quantiles: a uniform sample of the values seen, or the latest"`
	Seed       int64              `json:"seed,omitempty" minimum:"0" doc:"Of quantiles: of the sample"`
	Quantile   *float64           `json:"quantile,omitempty" doc:"Of quantiles: that a reading gives where it asks for none"`
	Default    *float64           `json:"default,omitempty" doc:"Of labels: of a key without one"`
	Thresholds map[string]float64 `json:"thresholds,omitzero" doc:"Of multipliers: of each constraint, by name"`
	Squash     string             `json:"squash,omitempty" enum:"sigmoid,tanh,clamp,none" doc:"Of multipliers: what makes weights of them"`
	Rate       *float64           `json:"rate,omitempty" doc:"Of multipliers and users: of a step"`
	Momentum   *float64           `json:"momentum,omitempty" doc:"Of multipliers"`
	MaxNorm    *float64           `json:"max_norm,omitempty" doc:"Of multipliers: to which a longer gradient is cut"`
	Start      float64            `json:"start,omitempty" doc:"Of multipliers: before the first step"`
	Width      int                `json:"width,omitempty" minimum:"0" doc:"Of users and neighbours: numbers of a vector"`
	Fit        string             `json:"fit,omitempty" enum:"ideal,latent,weights" doc:"Of users: what is fitted"`
	Prototypes [][]float64        `json:"prototypes,omitzero" nullable:"false" doc:"Of users, fitted by weights: the points that they mix"`
	Pairs      int                `json:"pairs,omitempty" minimum:"0" doc:"Of users: the latest that are kept"`
	Steps      int                `json:"steps,omitempty" minimum:"0" doc:"Of users: of gradient descent at each update"`
	Decay      *float64           `json:"decay,omitempty" doc:"Of users: weight of half the squared vector in the loss"`
	Nearest    int                `json:"nearest,omitempty" minimum:"0" doc:"Of neighbours: that are fused at most"`
	Similarity *float64           `json:"similarity,omitempty" doc:"Of neighbours: least cosine of one that is fused"`
}

// StateRequest is the body of POST /v1/state/{name}: it has kind and what belongs to it, updates, reset or forget.
type StateRequest struct {
	StateSpec
	Updates       []StateUpdate `json:"updates,omitzero" nullable:"false" doc:"Made in their order, all or none of them"`
	Reset         bool          `json:"reset,omitempty" doc:"Every key goes; the state stays declared"`
	Forget        []string      `json:"forget,omitzero" nullable:"false" doc:"These keys go"`
	ExpectVersion int64         `json:"expect_version,omitempty" minimum:"0" doc:"Of updates, reset and forget: the version that the state must have; 0: any"`
}

// StateUpdate is one change of one key.
type StateUpdate struct {
	StateKey
	Values []float64          `json:"values,omitzero" nullable:"false" doc:"Of running and quantiles"`
	Label  *float64           `json:"label,omitempty" doc:"Of labels"`
	Seen   int                `json:"seen,omitempty" minimum:"0" doc:"Of labels: how often the key was seen since the last update"`
	Means  map[string]float64 `json:"means,omitzero" doc:"Of multipliers: the mean reward of each constraint, by name"`
	Pairs  []VectorPair       `json:"pairs,omitzero" nullable:"false" doc:"Of users"`
	Vector []float64          `json:"vector,omitzero" nullable:"false" doc:"Of neighbours: the embedding of a text"`
	Score  *float64           `json:"score,omitempty" doc:"Of neighbours: of the text"`
}

// StateKey names a key of a state: itself, or as that of a prompt.
type StateKey struct {
	Key    string  `json:"key,omitempty" doc:"At most 256 bytes; left out it is empty, which is a key too"`
	Prompt *string `json:"prompt,omitempty" doc:"Instead of key: its key is sha256: and the hexadecimal digest of this text"`
}

// VectorPair is two embeddings.
type VectorPair struct {
	Chosen   []float64 `json:"chosen" nullable:"false" doc:"Of the text that the user preferred"`
	Rejected []float64 `json:"rejected" nullable:"false" doc:"Of the other"`
}

// StateRead is the body of POST /v1/state/{name}/read.
type StateRead struct {
	Queries []StateQuery `json:"queries" minItems:"1" nullable:"false" doc:"Answered in their order, all of one moment"`
}

// StateQuery asks for what is known of one key.
type StateQuery struct {
	StateKey
	Quantile *float64  `json:"quantile,omitempty" doc:"Of quantiles: another than the state's"`
	Vector   []float64 `json:"vector,omitzero" nullable:"false" doc:"Of users and neighbours: the embedding of a text"`
	Score    *float64  `json:"score,omitempty" doc:"Of neighbours: of that text itself, which is fused at similarity 1"`
}

// StateSnapshot is the answer of GET /v1/state/{name}/snapshot, and the body of POST /v1/state/{name}/restore.
type StateSnapshot struct {
	Name    string      `json:"name,omitempty" doc:"Not looked at when it is restored"`
	Version int64       `json:"version,omitempty" minimum:"0" doc:"Not looked at when it is restored"`
	Spec    StateSpec   `json:"spec"`
	Cells   []StateCell `json:"cells" nullable:"false" doc:"By key"`
}

// StateCell is what a state knows of one key, as it keeps it.
type StateCell struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// StateInfo is what can be known of a state beside its keys, and the answer to a change of it.
type StateInfo struct {
	Name    string    `json:"name"`
	Spec    StateSpec `json:"spec" doc:"With its defaults"`
	Version int64     `json:"version" doc:"Changes with every change, and is never given twice"`
	Keys    int       `json:"keys"`
	Bytes   int64     `json:"bytes" doc:"Of the values, twice the keys, and 64 for each"`
}

// StatesAnswer is the answer of GET /v1/state.
type StatesAnswer struct {
	States []StateInfo `json:"states" nullable:"false" doc:"By name"`
}

// StateAnswer is the answer of GET /v1/state/{name} and POST /v1/state/{name}/read.
type StateAnswer struct {
	StateInfo
	Readings []StateReading `json:"readings" nullable:"false" doc:"One for each key or query, in order"`
}

// StateReading is what is known of one key.
type StateReading struct {
	Key        string               `json:"key"`
	Numbers    map[string]*float64  `json:"numbers" doc:"null: not known"`
	Vectors    map[string][]float64 `json:"vectors,omitempty" doc:"Of users: vector, and weights where those are fitted"`
	Neighbours []StateNeighbour     `json:"neighbours,omitempty" doc:"The nearest first"`
}

// StateNeighbour is a text near to the one that was asked about.
type StateNeighbour struct {
	Key        string  `json:"key"`
	Similarity float64 `json:"similarity" doc:"Cosine"`
	Score      float64 `json:"score"`
}

// StateGone is the answer of DELETE /v1/state/{name}.
type StateGone struct {
	Deleted string `json:"deleted" doc:"Name of the state"`
}

func (r *StateRequest) decode(d *decoder) error  { return object(d, &stateRequestForm, r) }
func (r *StateRead) decode(d *decoder) error     { return object(d, &stateReadForm, r) }
func (r *StateSnapshot) decode(d *decoder) error { return object(d, &stateSnapshotForm, r) }

var stateSpecFields = []field[StateSpec]{
	{"kind", false, func(d *decoder, s *StateSpec) error {
		return d.word(&s.Kind, "running", "quantiles", "labels", "multipliers", "users", "neighbours")
	}},
	{"keys", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Keys) }},
	{"capacity", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Capacity) }},
	{"keep", false, func(d *decoder, s *StateSpec) error { return d.word(&s.Keep, "sample", "last") }},
	{"seed", false, func(d *decoder, s *StateSpec) error { return d.natural(&s.Seed) }},
	{"quantile", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Quantile) }},
	{"default", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Default) }},
	{"thresholds", false, func(d *decoder, s *StateSpec) error { return d.named(&s.Thresholds, ofRequest(d.limits.Params)) }},
	{"squash", false, func(d *decoder, s *StateSpec) error { return d.word(&s.Squash, "sigmoid", "tanh", "clamp", "none") }},
	{"rate", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Rate) }},
	{"momentum", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Momentum) }},
	{"max_norm", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.MaxNorm) }},
	{"start", false, func(d *decoder, s *StateSpec) error { return d.number(&s.Start) }},
	{"width", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Width) }},
	{"fit", false, func(d *decoder, s *StateSpec) error { return d.word(&s.Fit, "ideal", "latent", "weights") }},
	{"prototypes", false, func(d *decoder, s *StateSpec) error {
		return list(d, &s.Prototypes, ofRequest(d.limits.Params), func(d *decoder, into *[]float64) error { return d.vector(into, ofRequest(d.limits.Given)) })
	}},
	{"pairs", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Pairs) }},
	{"steps", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Steps) }},
	{"decay", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Decay) }},
	{"nearest", false, func(d *decoder, s *StateSpec) error { return d.index(&s.Nearest) }},
	{"similarity", false, func(d *decoder, s *StateSpec) error { return d.optionalNumber(&s.Similarity) }},
}

var stateSpecForm = form[StateSpec]{
	fields: stateSpecFields,
	check:  func(d *decoder, s *StateSpec) error { return d.given(s.Kind != "", "kind") },
}

var stateKeyFields = []field[StateKey]{
	{"key", false, func(d *decoder, k *StateKey) error { return d.text(&k.Key) }},
	{"prompt", false, func(d *decoder, k *StateKey) error { return d.optional(&k.Prompt) }},
}
