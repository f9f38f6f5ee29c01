package manifest

// Kind is the question that a model answers.
type Kind string

// The kinds of model.
const (
	KindReward     Kind = "reward"     // how good is this response: one row per item
	KindProcess    Kind = "process"    // which step goes wrong: one row per step
	KindPair       Kind = "pair"       // which of two responses is better: both in one sequence
	KindPreference Kind = "preference" // which of two responses is better: an embedding each
	KindChoice     Kind = "choice"     // which of a request's candidates follows the prompt: a row each
	KindEmbedding  Kind = "embedding"  // what a text is about: a vector each

	// KindFeatures is no manifest's kind but what a reward model that reads features is asked: how good are these
	// numbers.
	KindFeatures Kind = "feature reward"
)

// Model is a model of the kind in words, with its article: "a reward model".
func (k Kind) Model() string {
	if k == KindEmbedding {
		return "an embedding model"
	}
	return "a " + string(k) + " model"
}
