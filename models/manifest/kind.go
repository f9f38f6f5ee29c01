package manifest

// Kind is the question that a model answers.
type Kind string

// The kinds of model.
const (
	Reward     Kind = "reward"     // how good is this response: one row per item
	Process    Kind = "process"    // which step goes wrong: one row per step
	PairKind   Kind = "pair"       // which of two responses is better: both in one sequence
	Preference Kind = "preference" // which of two responses is better: an embedding each

	// FeatureReward is no manifest's kind but what a reward model that reads features is asked: how good are these numbers.
	FeatureReward Kind = "feature reward"
)
