package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// The kinds of state.
const (
	Running     = "running"
	Quantiles   = "quantiles"
	Labels      = "labels"
	Multipliers = "multipliers"
	Users       = "users"
	Neighbours  = "neighbours"
)

// Bounds of what a spec may ask for.
const (
	mostKeys     = 100000 // of a state
	defaultKeys  = 1024
	mostCapacity = 4096 // values of a cell of quantiles
	mostNumbers  = 64   // multipliers of a state
	mostWidth    = 4096 // numbers of a vector
	mostPairs    = 256  // of a user
	mostSteps    = 1000 // of a fit
	mostNearest  = 100  // neighbours that a reading fuses
	mostParts    = 64   // prototypes of users
)

// Spec declares a state: its kind, how many keys it may have, and the parameters of the kind. A field that the kind
// does not have must be zero, and one that is left at zero has the kind's default.
type Spec struct {
	Kind string `json:"kind"`
	Keys int    `json:"keys,omitempty"` // cells at most; 1024 by default, and 1 of multipliers

	// Of quantiles.
	Capacity int      `json:"capacity,omitempty"` // values that a cell keeps; 256 by default
	Keep     string   `json:"keep,omitempty"`     // sample: a uniform sample of all values seen, which is the default; last: the latest
	Seed     uint64   `json:"seed,omitempty"`     // of the sample
	Quantile *float64 `json:"quantile,omitempty"` // that a reading gives where it asks for none; 0.85 by default

	// Of labels: the label of a key that has none. Without it such a label is missing.
	Default *float64 `json:"default,omitempty"`

	// Of multipliers.
	Thresholds map[string]float64 `json:"thresholds,omitempty"` // of each constraint, by name
	Squash     string             `json:"squash,omitempty"`     // sigmoid (default), tanh, clamp (not below 0) or none
	Rate       *float64           `json:"rate,omitempty"`       // of a step; 0.01 by default, of users 0.1
	Momentum   *float64           `json:"momentum,omitempty"`   // 0.1 by default
	MaxNorm    *float64           `json:"max_norm,omitempty"`   // to which a longer gradient is cut; 0.5 by default
	Start      float64            `json:"start,omitempty"`      // the multipliers before the first step

	// Of users and neighbours.
	Width int `json:"width,omitempty"` // numbers of a vector; every spec of these kinds has it

	// Of users.
	Fit        string      `json:"fit,omitempty"`        // ideal (default), latent or weights
	Prototypes [][]float64 `json:"prototypes,omitempty"` // of weights: the ideal points that users mix
	Pairs      int         `json:"pairs,omitempty"`      // latest pairs that are kept of a user; 64 by default
	Steps      int         `json:"steps,omitempty"`      // of gradient descent at each update; 100 by default
	Decay      *float64    `json:"decay,omitempty"`      // weight of half the squared vector in the loss; 0.01 by default

	// Of neighbours.
	Nearest    int      `json:"nearest,omitempty"`    // that are fused at most; 5 by default
	Similarity *float64 `json:"similarity,omitempty"` // least cosine of one that is fused; 0.9 by default
}

// kind is what differs between kinds of state.
type kind interface {
	// check proves the kind's parameters, and gives those that were left out their defaults.
	check(s *Spec) error
	// apply gives the cell after an update; before is nil where there is no cell yet, and is left as it is.
	apply(s *Spec, before json.RawMessage, u *Update) (any, error)
	// read says what is known of a cell; cell is nil where there is none.
	read(s *Spec, cell json.RawMessage, q *Query) (Reading, error)
	// prove gives a cell that was written elsewhere, and refuses one that no updates could have made.
	prove(s *Spec, cell json.RawMessage) (any, error)
}

var kinds = map[string]kind{
	Running: running{}, Quantiles: quantiles{}, Labels: labels{}, Multipliers: multipliers{}, Users: users{}, Neighbours: neighbours{},
}

// ParseSpec reads a spec as [Spec.Text] writes it, and checks it. Unknown fields are refused.
func ParseSpec(text []byte) (Spec, error) {
	var s Spec
	if err := strict(text, &s); err != nil {
		return Spec{}, invalid("spec", "%s", fault.Short(err.Error()))
	}
	return s.Checked()
}

// Checked gives the spec with its defaults. The error names the field, the limit and the value.
func (s Spec) Checked() (Spec, error) {
	of := kinds[s.Kind]
	if of == nil {
		return Spec{}, invalid("kind", "%q is none of %q", fault.Short(s.Kind), slices.Sorted(maps.Keys(kinds)))
	}
	most := mostKeys
	if s.Kind == Multipliers {
		most = 1
	}
	if err := setWithin("keys", &s.Keys, min(defaultKeys, most), most); err != nil {
		return Spec{}, err
	}
	if err := of.check(&s); err != nil {
		return Spec{}, err
	}
	if err := s.foreign(); err != nil {
		return Spec{}, err
	}
	return s, nil
}

// Text is the spec as one JSON object. Specs that say the same have the same text.
func (s *Spec) Text() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a checked spec has finite numbers
	}
	return text
}

// foreign refuses parameters of another kind. It is asked of a checked spec.
func (s *Spec) foreign() error {
	has := map[string]bool{
		"capacity": s.Capacity != 0, "keep": s.Keep != "", "seed": s.Seed != 0, "quantile": s.Quantile != nil, "default": s.Default != nil,
		"thresholds": s.Thresholds != nil, "squash": s.Squash != "", "rate": s.Rate != nil, "momentum": s.Momentum != nil,
		"max_norm": s.MaxNorm != nil, "start": s.Start != 0, "width": s.Width != 0, "fit": s.Fit != "", "prototypes": s.Prototypes != nil,
		"pairs": s.Pairs != 0, "steps": s.Steps != 0, "decay": s.Decay != nil, "nearest": s.Nearest != 0, "similarity": s.Similarity != nil,
	}
	of := map[string][]string{
		Quantiles: {"capacity", "keep", "seed", "quantile"}, Labels: {"default"},
		Multipliers: {"thresholds", "squash", "rate", "momentum", "max_norm", "start"},
		Users:       {"width", "fit", "prototypes", "pairs", "steps", "rate", "decay"}, Neighbours: {"width", "nearest", "similarity"},
	}
	for _, field := range slices.Sorted(maps.Keys(has)) {
		if has[field] && !slices.Contains(of[s.Kind], field) {
			return invalid(field, "a state of kind %s has no such parameter", s.Kind)
		}
	}
	return nil
}

func invalid(field, format string, args ...any) *failure.Error {
	return failure.New(failure.CodeInvalidField, format, args...).Within(field)
}

// setWithin sets a whole number to its default where it is 0, and holds it between 1 and a limit.
func setWithin(field string, n *int, otherwise, most int) error {
	if *n == 0 {
		*n = otherwise
	}
	if *n < 1 || *n > most {
		return invalid(field, "%d is not between 1 and %d", *n, most)
	}
	return nil
}

// setNumber does the same for a number between 0 and a limit.
func setNumber(field string, x **float64, otherwise, most float64) error {
	if *x == nil {
		*x = &otherwise
	}
	if v := **x; !ops.Finite(v) || v < 0 || v > most {
		return invalid(field, "%g is not between 0 and %g", v, most)
	}
	return nil
}

// setWord does the same for a word; the first is the default.
func setWord(field string, word *string, of ...string) error {
	if *word == "" {
		*word = of[0]
	}
	if !slices.Contains(of, *word) {
		return invalid(field, "%q is none of %q", fault.Short(*word), of)
	}
	return nil
}

// strict reads one JSON value without unknown fields.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on after its JSON value")
	}
	return nil
}
