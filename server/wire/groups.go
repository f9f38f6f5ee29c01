package wire

// Selecting are the fields of a rank that say which responses are selected, and what is told of all.
type Selecting struct {
	Strategy   string   `json:"strategy,omitempty" enum:"best_of_n,top_n,top_share,best_worst,best_random,power_weights,majority,weighted_vote,weighted_mean,tournament,nash" default:"best_of_n" doc:"Which responses are selected; the ranking goes by scores whatever it is"`
	N          int      `json:"n,omitempty" minimum:"0" doc:"Places kept in ranking; 0 keeps all. Of top_n also how many are selected, at least 1"`
	Share      *float64 `json:"share,omitempty" exclusiveMinimum:"0" maximum:"1" doc:"Of top_share: how many of the responses that have a score, rounded down"`
	Seed       *int64   `json:"seed,omitempty" minimum:"0" doc:"Of best_random: one seed chooses the same place of every ranking of as many"`
	Power      *float64 `json:"power,omitempty" exclusiveMinimum:"0" maximum:"16" doc:"Of power_weights: 2 when left out"`
	Answers    []string `json:"answers,omitzero" nullable:"false" doc:"Of the votes: the final answer of each response; an empty one is none, and does not vote"`
	Statistics bool     `json:"statistics,omitempty" doc:"Tell what the scores are as a group"`
}

// Summing are the fields of a compare that say what else is made of the preferences, and what is told of the scores.
type Summing struct {
	Aggregate  []string `json:"aggregate,omitzero" enum:"win_rate,copeland,bradley_terry,elo,nash" maxItems:"5" nullable:"false" doc:"One number for each response of all preferences, by each of these names"`
	EloScale   *float64 `json:"elo_scale,omitempty" exclusiveMinimum:"0" maximum:"1000000" doc:"Of elo: who is so many points ahead wins 10 times of 11; 400 when left out"`
	Statistics bool     `json:"statistics,omitempty" doc:"Tell what the scores are as a group"`
}

var selectingFields = []field[Selecting]{
	{"strategy", false, func(d *decoder, s *Selecting) error {
		return d.word(&s.Strategy, "best_of_n", "top_n", "top_share", "best_worst", "best_random", "power_weights",
			"majority", "weighted_vote", "weighted_mean", "tournament", "nash")
	}},
	{"n", false, func(d *decoder, s *Selecting) error { return d.index(&s.N) }},
	{"share", false, func(d *decoder, s *Selecting) error { return d.upTo(&s.Share, 1) }},
	{"seed", false, func(d *decoder, s *Selecting) error { return d.seed(&s.Seed) }},
	{"power", false, func(d *decoder, s *Selecting) error { return d.upTo(&s.Power, 16) }},
	{"answers", false, func(d *decoder, s *Selecting) error { return d.texts(&s.Answers, ofRequest(d.limits.Items)) }},
	{"statistics", false, func(d *decoder, s *Selecting) error { return d.boolean(&s.Statistics) }},
}

var summingFields = []field[Summing]{
	{"aggregate", false, func(d *decoder, s *Summing) error {
		return list(d, &s.Aggregate, ofRequest(5), func(d *decoder, name *string) error {
			return d.word(name, "win_rate", "copeland", "bradley_terry", "elo", "nash")
		})
	}},
	{"elo_scale", false, func(d *decoder, s *Summing) error { return d.upTo(&s.EloScale, 1e6) }},
	{"statistics", false, func(d *decoder, s *Summing) error { return d.boolean(&s.Statistics) }},
}

// upTo reads a number above 0, and at most this one, that may be left out.
func (d *decoder) upTo(into **float64, most float64) error {
	if err := d.optionalNumber(into); err != nil {
		return err
	}
	if x := **into; !(x > 0 && x <= most) {
		return d.invalid("%g is not above 0 and at most %g", x, most)
	}
	return nil
}

// seed reads a whole number from 0 on that may be left out.
func (d *decoder) seed(into **int64) error {
	*into = new(int64)
	if err := d.integer(*into); err != nil {
		return err
	}
	if **into < 0 {
		return d.invalid("%d is below 0", **into)
	}
	return nil
}

// Statistics are what the scores of the responses are as a group, or why there are none.
type Statistics struct {
	*Described
	Error *Problem `json:"error,omitempty" doc:"Why there are none: a number beyond the range of numbers"`
}

// Described are statistics of scores. A response that failed counts nowhere, and has null in each list.
type Described struct {
	Count       int        `json:"count" doc:"Of the scores"`
	Mean        *float64   `json:"mean" doc:"Null where there is no score"`
	Deviation   *float64   `json:"deviation" doc:"Of a sample: the root of the squares around the mean over count - 1; null of fewer than two scores"`
	Constant    bool       `json:"constant" doc:"All scores are equal, or there are fewer than two: the group has no variance"`
	LeaveOneOut []*float64 `json:"leave_one_out" nullable:"false" doc:"The score less the mean of the other scores (RLOO)"`
	Normalized  []*float64 `json:"normalized" nullable:"false" doc:"(score - mean) / (deviation + 0.0001) (GRPO)"`
	Ranks       []*float64 `json:"ranks" nullable:"false" doc:"Places from the best, 1; equal scores share the lowest of their places"`
}

// Selected is what a strategy selects, or why it cannot. Of no response that has a score it is none.
type Selected struct {
	Picks  []Picked `json:"picks,omitzero" nullable:"false" doc:"The greatest weight first, of equal ones the better place in the ranking, of a tournament the best; the weights sum to 1"`
	Answer *string  `json:"answer,omitempty" doc:"Of a vote: the one that wins"`
	Votes  []Vote   `json:"votes,omitzero" nullable:"false" doc:"Of a vote: every answer, from the one that wins; of equal ones the one that comes first"`
	Games  []Game   `json:"games,omitzero" nullable:"false" doc:"Of a tournament: in the order in which they were played"`
	Agrees *bool    `json:"agrees,omitempty" doc:"Of a tournament: the best also won the last game, against the worst"`
	Error  *Problem `json:"error,omitempty" doc:"Why nothing is selected, though there are scores"`
}

// Picked is a response that is selected.
type Picked struct {
	Index  int     `json:"index" doc:"Of the response in the request"`
	Weight float64 `json:"weight"`
}

// Vote is an answer that several responses share.
type Vote struct {
	Answer  string  `json:"answer"`
	Weight  float64 `json:"weight" doc:"How many responses have it, or the sum or the mean of their scores"`
	Indices []int   `json:"indices" nullable:"false" doc:"Of the responses that have it"`
}

// Game is one comparison of a tournament.
type Game struct {
	First  int `json:"first" doc:"Index of a response"`
	Second int `json:"second"`
	Winner int `json:"winner" doc:"The first where both are as good"`
}

// Aggregated is one number for each response, or why there are none.
type Aggregated struct {
	Values []*float64 `json:"values,omitzero" nullable:"false" doc:"One per response; null where it could be compared to no other"`
	Error  *Problem   `json:"error,omitempty" doc:"Why there are none, as of a fit that has no finite answer"`
}
