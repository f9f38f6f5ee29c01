package protocols

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
)

// fitting asks how well each text answers a query: the query is the prompt, and the texts are its responses. Where the
// client names nobody, a reward model answers, and an embedding model where no reward model reads text.
func fitting(c *Call, model, query string, texts []string, truncate encode.Truncation) rewards.Request {
	return rewards.Request{
		Question: rewards.Rank, Model: c.Model(model, rewards.Rank), Kind: rewarding(c.Engine), Truncate: truncate,
		Groups: []rewards.Group{{Prompt: &query, Responses: texts}},
	}
}

// rewarding is the kind of model that answers where none is named: rewards, unless there is no model of them.
func rewarding(e Engine) manifest.Kind {
	all := e.Models()
	for i := range all {
		if all[i].Manifest.Asked() == manifest.KindReward {
			return manifest.KindReward
		}
	}
	return ""
}

// relevance is a text's place in what is told of all: its value, and how it is told.
type relevance struct {
	index  int
	value  float64
	before float64 // what the value was made of, by which equal ones are ordered: many are 1 under a sigmoid
}

// relevances is the order of the texts by how well they fit. A client takes what has no place for what does not fit, so
// that one failed text refuses the request, under the name of its field.
func relevances(results []rewards.Result, told func(float64) float64, field string) ([]relevance, error) {
	all := make([]relevance, len(results))
	for i := range results {
		if err := results[i].Err; err != nil {
			return nil, Failed(err, fmt.Sprintf("%s[%d]", field, i))
		}
		before := rawOf(&results[i])
		all[i] = relevance{i, told(before), before}
	}
	slices.SortFunc(all, func(a, b relevance) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(b.before, a.before), cmp.Compare(a.index, b.index))
	})
	return all, nil
}

// rawOf is a result's raw value, or its score where it has none: the share of comparisons that were won, or what a
// recipe makes of its readings.
func rawOf(r *rewards.Result) float64 {
	if r.Raw.Known {
		return r.Raw.Value
	}
	return r.Score
}

// telling is what is told of a value of that model or recipe: its sigmoid, or the value itself where the client wants
// it so, where it is the similarity of an embedding model, or a share of comparisons that were won.
func telling(e Engine, model string, raw bool) func(float64) float64 {
	scaled := []manifest.Kind{manifest.KindEmbedding, manifest.KindPair, manifest.KindPreference}
	if raw || slices.Contains(scaled, kindOf(e, model)) {
		return func(x float64) float64 { return x }
	}
	return ops.Sigmoid
}

// kindOf is the kind of the model of that name; empty: it is a recipe.
func kindOf(e Engine, name string) manifest.Kind {
	if m := modelOf(e, name); m != nil {
		return m.Manifest.Kind
	}
	return ""
}

// answererOf is the model that gave an answer. It may have left the engine meanwhile, or another may have its name.
func answererOf(e Engine, given *rewards.Answer) *rewards.ModelInfo {
	if by := given.By(); by != nil {
		return by
	}
	return modelOf(e, given.Model)
}

// modelOf is the model of that name; nil: it is a recipe.
func modelOf(e Engine, name string) *rewards.ModelInfo {
	all := e.Models()
	for i := range all {
		if all[i].Manifest.Name == name {
			return &all[i]
		}
	}
	return nil
}
