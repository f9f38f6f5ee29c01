package wire

import "time"

// JobRequest is the first line of the body of POST /v1/jobs, which says what is asked of every row behind it.
type JobRequest struct {
	Question string   `json:"question" enum:"score,rank,compare,steps" doc:"As the route of that name asks"`
	Model    string   `json:"model,omitempty" doc:"Name of the model, or of a recipe; may be left out where one model answers this question" example:"arith-rm"`
	Truncate string   `json:"truncate,omitempty" enum:"error,left,right" default:"error" doc:"What happens to an item over the model's max_tokens"`
	Params   Settings `json:"params,omitzero" doc:"Of a recipe, by name"`
	Recipe   string   `json:"recipe,omitempty" doc:"A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)"`
	Expect   string   `json:"expect_digest,omitempty" doc:"The digest that every answer must have; where one would have another, the job fails"`

	Activation string   `json:"activation,omitempty" enum:"none,sigmoid,softmax" default:"none" doc:"Of score and rank: applied to the score last"`
	Label      string   `json:"label,omitempty" doc:"Of score, rank and compare: the label to go by"`
	Explain    string   `json:"explain,omitempty" enum:"gradient" doc:"Of score: beside each score, how it moves with each feature"`
	Threshold  *float64 `json:"threshold,omitempty" doc:"Of steps: first_error is the first step whose score is below"`
	Strategy   string   `json:"strategy,omitempty" enum:"best_of_n,top_n,top_share,best_worst,best_random,power_weights,majority,weighted_vote,weighted_mean,tournament,nash" default:"best_of_n" doc:"Of rank: which responses are selected"`
	N          int      `json:"n,omitempty" minimum:"0" doc:"Of rank: places kept; of top_n also how many are selected"`
	Share      *float64 `json:"share,omitempty" exclusiveMinimum:"0" maximum:"1" doc:"Of rank by top_share"`
	Power      *float64 `json:"power,omitempty" exclusiveMinimum:"0" maximum:"16" doc:"Of rank by power_weights"`
	Statistics bool     `json:"statistics,omitempty" doc:"Of rank and compare: tell what the scores are as a group"`
	Aggregate  []string `json:"aggregate,omitzero" enum:"win_rate,copeland,bradley_terry,elo,nash" maxItems:"5" nullable:"false" doc:"Of compare of responses: one number for each of all preferences"`
	EloScale   *float64 `json:"elo_scale,omitempty" exclusiveMinimum:"0" maximum:"1000000" doc:"Of the aggregate elo"`
}

// JobGroup is a row of a job that ranks or compares: responses to one prompt or, to compare, a pair.
type JobGroup struct {
	Prompted
	Responses []string   `json:"responses,omitzero" nullable:"false"`
	Given     []Settings `json:"given,omitzero" nullable:"false" doc:"Of each response: the fields that a recipe names"`
	Tags      []Tag      `json:"tags,omitzero" nullable:"false" doc:"Of each response: what comes back beside what is said of it"`
	Answers   []string   `json:"answers,omitzero" nullable:"false" doc:"Of rank by votes: the final answer of each response"`
	Seed      *int64     `json:"seed,omitempty" minimum:"0" doc:"Of rank by best_random"`
	Chosen    *string    `json:"chosen,omitempty"`
	Rejected  *string    `json:"rejected,omitempty"`

	Refused map[int]*Error `json:"-"` // why single responses cannot be read, by index; they are empty
}

// JobAnswer is what is known of a job.
type JobAnswer struct {
	ID       string `json:"id"`
	Status   string `json:"status" enum:"queued,running,done,cancelled,failed"`
	Question string `json:"question"`

	Model      string   `json:"model,omitempty" doc:"Name of the model, or of the recipe, that answers; there with the first rows, as are digest, transforms and threshold"`
	Digest     string   `json:"digest,omitempty" doc:"Of what answers, the same for every row"`
	Transforms []string `json:"transforms,omitzero" nullable:"false" doc:"What is applied between raw and score, in order"`
	Threshold  *float64 `json:"threshold,omitempty" doc:"Of steps: that first_error goes by"`

	Rows   int   `json:"rows"`
	Done   int   `json:"done" doc:"Rows that have a result"`
	Failed int   `json:"failed" doc:"Rows among them with an error in their result"`
	Tokens int64 `json:"tokens" doc:"Of the sequences that were read for the rows that are done"`
	Bytes  int64 `json:"bytes" doc:"Of the body, without its encoding"`

	Created time.Time  `json:"created"`
	Started *time.Time `json:"started,omitempty"`
	Ended   *time.Time `json:"ended,omitempty"`
	Expires *time.Time `json:"expires,omitempty" doc:"When the job and its result are removed"`

	Rate *float64 `json:"rows_per_second,omitempty" doc:"Since it was started"`
	Left *float64 `json:"seconds_left,omitempty" doc:"Until its end, at that rate"`

	Ignored []string `json:"ignored,omitempty" doc:"Columns of the rows that were passed over, by name"`
	Failure *Problem `json:"failure,omitempty" doc:"Why the job failed as a whole"`
}

// JobsAnswer is the answer of GET /v1/jobs.
type JobsAnswer struct {
	Jobs []JobAnswer `json:"jobs" nullable:"false" doc:"The caller's, the latest first"`
}

// JobGone is the answer of DELETE /v1/jobs/{job}.
type JobGone struct {
	Deleted string `json:"deleted" doc:"Id of the job"`
}

func (r *JobRequest) decode(d *decoder) error { return object(d, &jobRequestForm, r) }
func (g *JobGroup) decode(d *decoder) error   { return object(d, &jobGroupForm, g) }

var jobRequestForm = form[JobRequest]{
	fields: []field[JobRequest]{
		{"question", true, func(d *decoder, r *JobRequest) error { return d.word(&r.Question, "score", "rank", "compare", "steps") }},
		{"model", false, func(d *decoder, r *JobRequest) error { return d.text(&r.Model) }},
		{"truncate", false, func(d *decoder, r *JobRequest) error { return d.word(&r.Truncate, "error", "left", "right") }},
		{"params", false, func(d *decoder, r *JobRequest) error { return d.settings(&r.Params, ofRequest(d.limits.Params)) }},
		{"recipe", false, func(d *decoder, r *JobRequest) error { return d.text(&r.Recipe) }},
		{"expect_digest", false, func(d *decoder, r *JobRequest) error { return d.text(&r.Expect) }},
		{"activation", false, func(d *decoder, r *JobRequest) error { return d.word(&r.Activation, "none", "sigmoid", "softmax") }},
		{"label", false, func(d *decoder, r *JobRequest) error { return d.text(&r.Label) }},
		{"explain", false, func(d *decoder, r *JobRequest) error { return d.word(&r.Explain, "gradient") }},
		{"threshold", false, func(d *decoder, r *JobRequest) error { return d.optionalNumber(&r.Threshold) }},
		{"strategy", false, func(d *decoder, r *JobRequest) error {
			return d.word(&r.Strategy, "best_of_n", "top_n", "top_share", "best_worst", "best_random", "power_weights",
				"majority", "weighted_vote", "weighted_mean", "tournament", "nash")
		}},
		{"n", false, func(d *decoder, r *JobRequest) error { return d.index(&r.N) }},
		{"share", false, func(d *decoder, r *JobRequest) error { return d.upTo(&r.Share, 1) }},
		{"power", false, func(d *decoder, r *JobRequest) error { return d.upTo(&r.Power, 16) }},
		{"statistics", false, func(d *decoder, r *JobRequest) error { return d.boolean(&r.Statistics) }},
		{"aggregate", false, func(d *decoder, r *JobRequest) error {
			return list(d, &r.Aggregate, ofRequest(5), func(d *decoder, name *string) error {
				return d.word(name, "win_rate", "copeland", "bradley_terry", "elo", "nash")
			})
		}},
		{"elo_scale", false, func(d *decoder, r *JobRequest) error { return d.upTo(&r.EloScale, 1e6) }},
	},
	check: (*decoder).ofQuestion,
}

// ofQuestion refuses fields that are of other questions.
func (d *decoder) ofQuestion(r *JobRequest) error {
	for _, of := range []struct {
		name  string
		given bool
		taken bool // by the question
	}{
		{"activation", r.Activation != "", r.Question == "score" || r.Question == "rank"},
		{"label", r.Label != "", r.Question != "steps"},
		{"explain", r.Explain != "", r.Question == "score"},
		{"threshold", r.Threshold != nil, r.Question == "steps"},
		{"strategy", r.Strategy != "", r.Question == "rank"},
		{"n", r.N != 0, r.Question == "rank"},
		{"share", r.Share != nil, r.Question == "rank"},
		{"power", r.Power != nil, r.Question == "rank"},
		{"statistics", r.Statistics, r.Question == "rank" || r.Question == "compare"},
		{"aggregate", r.Aggregate != nil, r.Question == "compare"},
		{"elo_scale", r.EloScale != nil, r.Question == "compare"},
	} {
		if of.given && !of.taken {
			return d.missing(of.name, "is of another question than "+r.Question)
		}
	}
	return nil
}

var jobGroupForm = form[JobGroup]{
	fields: append(
		within(func(g *JobGroup) *Prompted { return &g.Prompted }, promptedFields),
		field[JobGroup]{"responses", false, func(d *decoder, g *JobGroup) error { return d.responses(&g.Responses, &g.Refused, d.limits.Items) }},
		field[JobGroup]{"given", false, func(d *decoder, g *JobGroup) error { return d.each(&g.Given, d.limits.Items) }},
		field[JobGroup]{"tags", false, func(d *decoder, g *JobGroup) error { return d.tags(&g.Tags, d.limits.Items) }},
		field[JobGroup]{"answers", false, func(d *decoder, g *JobGroup) error { return d.texts(&g.Answers, ofRequest(d.limits.Items)) }},
		field[JobGroup]{"seed", false, func(d *decoder, g *JobGroup) error { return d.seed(&g.Seed) }},
		field[JobGroup]{"chosen", false, func(d *decoder, g *JobGroup) error { return d.optional(&g.Chosen) }},
		field[JobGroup]{"rejected", false, func(d *decoder, g *JobGroup) error { return d.optional(&g.Rejected) }},
	),
	check: func(d *decoder, g *JobGroup) error { return d.fitting(g.Tags, len(g.Responses), "responses") },
}
