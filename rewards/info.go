package rewards

import (
	"context"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// ModelInfo is what can be known of a loaded model.
type ModelInfo struct {
	Name        string          `json:"name"`
	Kind        manifest.Kind   `json:"kind" doc:"reward, process, pair or preference"`
	Family      string          `json:"family,omitempty" doc:"Of the exporter's families"`
	Answers     []string        `json:"answers" nullable:"false" doc:"The questions that it answers"`
	Description string          `json:"description,omitempty"`
	Licence     string          `json:"licence"`
	Checkpoint  string          `json:"checkpoint,omitempty" doc:"That the bundle was made from"`
	Digest      string          `json:"digest" doc:"sha256 over the bundle's files"`
	Labels      []string        `json:"labels" nullable:"false" doc:"Outputs, in order"`
	Features    []string        `json:"features,omitempty" doc:"That every item has, by name, instead of text or tokens"`
	User        int             `json:"user,omitempty" doc:"Numbers of the user's vector that every item has beside its text or tokens"`
	Transforms  []string        `json:"transforms" nullable:"false" doc:"Applied to raw by the manifest, in order"`
	Layout      string          `json:"layout"`
	Precision   string          `json:"precision" doc:"Of the weights as stored; products are float32, of int8 weights int8"`
	Drift       *manifest.Drift `json:"drift,omitempty" doc:"What lower precision was seen to change"`
	Pooling     string          `json:"pooling"`
	BOS         string          `json:"bos" doc:"BOS that lead the ids: none, one or two"`
	End         string          `json:"end" doc:"Policy on the last token: keep, append or replace"`
	Template    bool            `json:"template" doc:"Whether messages and prompts are accepted"`
	Separator   string          `json:"separator,omitempty" doc:"The token that ends a step"`
	MaxTokens   int             `json:"max_tokens" doc:"Longest item accepted"`
	VocabSize   int64           `json:"vocab_size" doc:"Ids must be below it"`
	BatchTokens int             `json:"batch_tokens" doc:"Tokens of one forward, measured at load"`
	CacheBytes  int64           `json:"cache_bytes" doc:"Keys and values that may be kept; 0: none, or none can be"`
	Lanes       int             `json:"lanes" doc:"Forwards side by side, on one thread each, when much waits; 1: one at a time, on all threads"`
	Provider    string          `json:"provider" doc:"The execution provider in use"`
	Threads     int             `json:"threads" doc:"Of one forward"`
}

// Models says what is loaded, in the registry's order.
func (e *Engine) Models() []ModelInfo {
	all := e.registry.All()
	infos := make([]ModelInfo, len(all))
	for i, m := range all {
		infos[i] = modelInfo(m.Info())
	}
	return infos
}

func modelInfo(info models.Info) ModelInfo {
	m := info.Manifest
	transforms := transformsOf(m)
	if transforms == nil {
		transforms = []string{}
	}
	return ModelInfo{
		Name: m.Name, Kind: m.Kind, Family: m.Source.Family, Answers: Questions(m.Asked()), Description: m.Description, Licence: m.Licence,
		Checkpoint: m.Source.Checkpoint, Digest: info.Digest, Labels: m.Graph.Labels, Features: m.Graph.Features, User: info.User, Transforms: transforms,
		Layout: m.Graph.Layout, Precision: m.Graph.Precision, Drift: m.Drift, Pooling: m.Pooling, BOS: m.Tokenizer.BOS, End: m.Tokenizer.End,
		Template: m.Template.File != "" || m.Template.Segments != nil, Separator: m.Steps.Separator, MaxTokens: m.Limits.MaxTokens,
		VocabSize: m.Graph.VocabSize, BatchTokens: info.Batching.Tokens, CacheBytes: info.Cache, Lanes: info.Lanes,
		Provider: info.Provider, Threads: info.Threads,
	}
}

// transformsOf names what lies between raw and the score that a model gives unasked.
func transformsOf(m manifest.Manifest) []string {
	switch m.Kind {
	case manifest.KindProcess:
		rule := newStepRule(m)
		return rule.transforms()
	case manifest.KindPair:
		rule := newPairRule(m)
		return rule.transforms()
	case manifest.KindPreference:
		rule := newPreferenceRule(m)
		return rule.transforms()
	case manifest.KindReward, manifest.KindFeatures:
	}
	rule, err := newRule(m, Scoring{Activation: ActivationNone})
	if err != nil {
		return nil
	}
	return rule.transforms()
}

// ModelStats counts what a model's batcher did; waiting and running are gauges, the rest never falls.
type ModelStats struct {
	Model string

	WaitingItems, WaitingTokens int
	RunningItems                int
	RunAge                      time.Duration // of the run in progress; 0 when idle

	Runs, Answered, Failed                 uint64
	Asked, Computed, Padding, Shared       uint64 // tokens
	Cached                                 uint64 // tokens taken from the key-value cache
	Narrow                                 uint64 // of Runs, on one thread beside others
	Deduplicated, Cancelled, Late, Refused uint64 // items

	CacheBytes   int64  // keys and values held now
	CacheEvicted uint64 // blocks let go of to make room
}

// Stats counts for every model, in the registry's order.
func (e *Engine) Stats() []ModelStats {
	all := e.registry.All()
	stats := make([]ModelStats, len(all))
	for i, m := range all {
		s := m.Stats()
		stats[i] = ModelStats{
			Model: m.Info().Manifest.Name, WaitingItems: s.Items, WaitingTokens: s.Tokens, RunningItems: s.Running, RunAge: s.RunAge,
			Runs: s.Runs, Answered: s.Answered, Failed: s.Failed,
			Asked: s.Asked, Computed: s.Computed, Padding: s.Padding, Shared: s.Shared, Cached: s.Cached, Narrow: s.Narrow,
			CacheBytes: int64(s.Cache.Blocks) * m.Info().Block, CacheEvicted: s.Cache.Evicted,
			Deduplicated: s.Deduplicated, Cancelled: s.Cancelled, Late: s.Expired, Refused: s.Refused,
		}
	}
	return stats
}

// Probe scores one short item under the named model, through its queue and its graph. A nil error means that it works.
func (e *Engine) Probe(ctx context.Context, name string) error {
	for _, m := range e.registry.All() {
		if m.Info().Manifest.Name == name {
			return m.Probe(ctx)
		}
	}
	return NewProblem(fault.CodeModel, "no model is named %q", name)
}
