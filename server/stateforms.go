package server

import (
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/server/wire"
)

// stateKey is the key that a form names.
func stateKey(k *wire.StateKey) string {
	if k.Prompt != nil {
		return state.KeyOf(*k.Prompt)
	}
	return k.Key
}

// stateSpec is a declaration as the states take it.
func stateSpec(s *wire.StateSpec) state.Spec {
	return state.Spec{
		Kind: s.Kind, Keys: s.Keys,
		Capacity: s.Capacity, Keep: s.Keep, Seed: uint64(s.Seed), Quantile: s.Quantile, //nolint:gosec // the form holds it to 0 and more
		Default:    s.Default,
		Thresholds: s.Thresholds, Squash: s.Squash, Rate: s.Rate, Momentum: s.Momentum, MaxNorm: s.MaxNorm, Start: s.Start,
		Width: s.Width, Fit: s.Fit, Prototypes: s.Prototypes, Pairs: s.Pairs, Steps: s.Steps, Decay: s.Decay,
		Nearest: s.Nearest, Similarity: s.Similarity,
	}
}

// stateInfo is what an answer says of a state.
func stateInfo(info *state.Info) wire.StateInfo {
	s := &info.Spec
	return wire.StateInfo{
		Name: info.Name, Version: int64(info.Version), Keys: info.Keys, Bytes: info.Bytes, //nolint:gosec // stores count from 1
		Spec: wire.StateSpec{
			Kind: s.Kind, Keys: s.Keys,
			Capacity: s.Capacity, Keep: s.Keep, Seed: int64(s.Seed), Quantile: s.Quantile, //nolint:gosec // it came as one
			Default:    s.Default,
			Thresholds: s.Thresholds, Squash: s.Squash, Rate: s.Rate, Momentum: s.Momentum, MaxNorm: s.MaxNorm, Start: s.Start,
			Width: s.Width, Fit: s.Fit, Prototypes: s.Prototypes, Pairs: s.Pairs, Steps: s.Steps, Decay: s.Decay,
			Nearest: s.Nearest, Similarity: s.Similarity,
		},
	}
}

// stateUpdates are the updates of a body as the states take them.
func stateUpdates(forms []wire.StateUpdate) []state.Update {
	updates := make([]state.Update, len(forms))
	for i := range forms {
		u := &forms[i]
		updates[i] = state.Update{Key: stateKey(&u.StateKey), Values: u.Values, Label: u.Label, Seen: u.Seen, Means: u.Means, Vector: u.Vector, Score: u.Score}
		if u.Pairs != nil {
			updates[i].Pairs = make([]state.Pair, len(u.Pairs))
		}
		for j, pair := range u.Pairs {
			updates[i].Pairs[j] = state.Pair{Chosen: pair.Chosen, Rejected: pair.Rejected}
		}
	}
	return updates
}

// stateReading is what an answer says of a key.
func stateReading(of *state.Reading) wire.StateReading {
	form := wire.StateReading{Key: of.Key, Numbers: make(map[string]*float64, len(of.Numbers)), Vectors: of.Vectors}
	for name, x := range of.Numbers {
		form.Numbers[name] = x.Pointer()
	}
	for _, near := range of.Neighbours {
		form.Neighbours = append(form.Neighbours, wire.StateNeighbour(near))
	}
	return form
}
