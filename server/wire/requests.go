package wire

import (
	"slices"
	"time"
)

// MaxTimeout is the longest deadline that a request can ask for, in milliseconds.
const MaxTimeout = 3600000

// Common are the fields that every request has.
type Common struct {
	Model     string `json:"model,omitempty" doc:"Name of the model, or of a recipe; may be left out where one model answers this question" example:"arith-rm"`
	Truncate  string `json:"truncate,omitempty" enum:"error,left,right" default:"error" doc:"What happens to an item over the model's max_tokens: refuse it, drop its oldest tokens, or drop its newest before the template's tail"`
	TimeoutMS int64  `json:"timeout_ms,omitempty" minimum:"0" maximum:"3600000" doc:"Milliseconds after which items without an answer fail with deadline_exceeded; 0 waits as long as the client does"`

	Params Settings `json:"params,omitzero" doc:"Of a recipe, by name: those that are not to have their defaults, numbers or words"`
	Recipe string   `json:"recipe,omitempty" doc:"A whole recipe in YAML, instead of model; where the token file lets its sender (recipes=own)"`
	Expect string   `json:"expect_digest,omitempty" doc:"The digest that the answer must have; where it would have another, the request is refused with 409"`

	OnError string `json:"on_error,omitempty" enum:"item,fail" doc:"What failed items do: item leaves the answer its status 200, and fail makes one of them fail the request, with its status. Left out, an answer whose items all failed with one status has that status"`

	Ignored []string `json:"-"` // fields of items that were passed over, in the order of their names
}

// Scoring are the fields that say how a reading becomes a score.
type Scoring struct {
	Activation string `json:"activation,omitempty" enum:"none,sigmoid,softmax" default:"none" doc:"Applied to the score last; raw is always beside it"`
	Label      string `json:"label,omitempty" doc:"The label that score and raw show; the model's first when left out"`
}

// ScoreRequest asks how good each item is.
type ScoreRequest struct {
	Common
	Scoring
	Items   []Item `json:"items" minItems:"1" nullable:"false" doc:"Each in exactly one form: messages, prompt with response, text, input_ids, or features"`
	Explain string `json:"explain,omitempty" enum:"gradient" doc:"Beside each score: how it moves with each feature (models that read features)"`
}

// StepsRequest asks which step of each item goes wrong.
type StepsRequest struct {
	Common
	Items     []Item   `json:"items" minItems:"1" nullable:"false" doc:"Each a prompt with steps, a prompt with a response and a separator, messages with a separator, or text or input_ids that hold the step token"`
	Threshold *float64 `json:"threshold,omitempty" doc:"first_error is the first step whose score is below; left out, it is 0.5 of probabilities and 0 of log-ratios"`
}

// ChooseRequest asks which of some candidates follows the prompt of each item.
type ChooseRequest struct {
	Common
	Items      []Item   `json:"items" minItems:"1" nullable:"false" doc:"Each messages, a prompt, or text"`
	Candidates []string `json:"candidates,omitzero" nullable:"false" doc:"Of every item that has none of its own: 1 to 256 texts, each exactly one token behind the prompt" example:"[\"yes\", \"no\"]"`
}

// TokenizeRequest has the body of a score, steps or choose request and asks what the model would see.
type TokenizeRequest struct {
	Common
	Scoring
	Items     []Item   `json:"items" minItems:"1" nullable:"false" doc:"As score, steps or choose takes them"`
	Threshold *float64 `json:"threshold,omitempty" doc:"Taken so that a steps body is one of this route, and left alone"`

	Candidates []string `json:"candidates,omitzero" nullable:"false" doc:"Taken so that a choose body is one of this route, and left alone"`
}

// RankRequest asks which of the responses to one prompt is best, and which are to be trained on.
type RankRequest struct {
	Common
	Scoring
	Prompted
	Responses []string   `json:"responses" minItems:"1" nullable:"false" doc:"Each is the assistant's turn after the prompt"`
	Given     []Settings `json:"given,omitzero" nullable:"false" doc:"Of each response: the fields that a recipe names (recipes)"`
	Tags      []Tag      `json:"tags,omitzero" nullable:"false" doc:"Of each response: what comes back beside what is said of it"`
	Selecting

	Refused map[int]*Error `json:"-"` // why single responses cannot be read, by index; they are empty
}

// CompareRequest asks how surely one response is preferred to another: of every two responses to one prompt, or of
// pairs.
type CompareRequest struct {
	Common
	Label string `json:"label,omitempty" doc:"The label to compare by; the model's first when left out"`
	Prompted
	Responses []string   `json:"responses,omitzero" minItems:"2" nullable:"false" doc:"Responses to the prompt, each compared to every other"`
	Given     []Settings `json:"given,omitzero" nullable:"false" doc:"Of each response: the fields that a recipe names (recipes)"`
	Tags      []Tag      `json:"tags,omitzero" nullable:"false" doc:"Of each response: what comes back beside what is said of it"`
	Pairs     []Pair     `json:"pairs,omitzero" minItems:"1" nullable:"false" doc:"Pairs, each with its own prompt; instead of prompt and responses"`
	Summing

	Refused map[int]*Error `json:"-"` // why single responses cannot be read, by index; they are empty
}

func (r *ScoreRequest) decode(d *decoder) error    { return object(d, &scoreForm, r) }
func (r *StepsRequest) decode(d *decoder) error    { return object(d, &stepsForm, r) }
func (r *ChooseRequest) decode(d *decoder) error   { return object(d, &chooseForm, r) }
func (r *TokenizeRequest) decode(d *decoder) error { return object(d, &tokenizeForm, r) }
func (r *RankRequest) decode(d *decoder) error     { return object(d, &rankForm, r) }
func (r *CompareRequest) decode(d *decoder) error  { return object(d, &compareForm, r) }

var commonFields = []field[Common]{
	{"model", false, func(d *decoder, c *Common) error { return d.text(&c.Model) }},
	{"truncate", false, func(d *decoder, c *Common) error { return d.word(&c.Truncate, "error", "left", "right") }},
	{"timeout_ms", false, func(d *decoder, c *Common) error { return d.timeout(&c.TimeoutMS) }},
	{"params", false, func(d *decoder, c *Common) error { return d.settings(&c.Params, ofRequest(d.limits.Params)) }},
	{"recipe", false, func(d *decoder, c *Common) error { return d.text(&c.Recipe) }},
	{"expect_digest", false, func(d *decoder, c *Common) error { return d.text(&c.Expect) }},
	{"on_error", false, func(d *decoder, c *Common) error { return d.word(&c.OnError, "item", "fail") }},
}

var scoringFields = []field[Scoring]{
	{"activation", false, func(d *decoder, s *Scoring) error { return d.word(&s.Activation, "none", "sigmoid", "softmax") }},
	{"label", false, func(d *decoder, s *Scoring) error { return d.text(&s.Label) }},
}

var scoreForm = form[ScoreRequest]{
	fields: slices.Concat(
		within(func(r *ScoreRequest) *Common { return &r.Common }, commonFields),
		within(func(r *ScoreRequest) *Scoring { return &r.Scoring }, scoringFields),
		[]field[ScoreRequest]{
			{"items", false, func(d *decoder, r *ScoreRequest) error { return d.items(&r.Items) }},
			{"explain", false, func(d *decoder, r *ScoreRequest) error { return d.word(&r.Explain, "gradient") }},
		},
	),
	check: func(d *decoder, r *ScoreRequest) error { return d.some(len(r.Items), "items", "item") },
}

var stepsForm = form[StepsRequest]{
	fields: slices.Concat(
		within(func(r *StepsRequest) *Common { return &r.Common }, commonFields),
		[]field[StepsRequest]{
			{"items", false, func(d *decoder, r *StepsRequest) error { return d.items(&r.Items) }},
			{"threshold", false, func(d *decoder, r *StepsRequest) error { return d.optionalNumber(&r.Threshold) }},
		},
	),
	check: func(d *decoder, r *StepsRequest) error { return d.some(len(r.Items), "items", "item") },
}

var chooseForm = form[ChooseRequest]{
	fields: slices.Concat(
		within(func(r *ChooseRequest) *Common { return &r.Common }, commonFields),
		[]field[ChooseRequest]{
			{"items", false, func(d *decoder, r *ChooseRequest) error { return d.items(&r.Items) }},
			{"candidates", false, func(d *decoder, r *ChooseRequest) error { return d.candidates(&r.Candidates) }},
		},
	),
	check: func(d *decoder, r *ChooseRequest) error { return d.some(len(r.Items), "items", "item") },
}

var tokenizeForm = form[TokenizeRequest]{
	fields: slices.Concat(
		within(func(r *TokenizeRequest) *Common { return &r.Common }, commonFields),
		within(func(r *TokenizeRequest) *Scoring { return &r.Scoring }, scoringFields),
		[]field[TokenizeRequest]{
			{"items", false, func(d *decoder, r *TokenizeRequest) error { return d.items(&r.Items) }},
			{"threshold", false, func(d *decoder, r *TokenizeRequest) error { return d.optionalNumber(&r.Threshold) }},
			{"candidates", false, func(d *decoder, r *TokenizeRequest) error { return d.candidates(&r.Candidates) }},
		},
	),
	check: func(d *decoder, r *TokenizeRequest) error { return d.some(len(r.Items), "items", "item") },
}

var rankForm = form[RankRequest]{
	fields: slices.Concat(
		within(func(r *RankRequest) *Common { return &r.Common }, commonFields),
		within(func(r *RankRequest) *Scoring { return &r.Scoring }, scoringFields),
		within(func(r *RankRequest) *Prompted { return &r.Prompted }, promptedFields),
		[]field[RankRequest]{
			{"responses", false, func(d *decoder, r *RankRequest) error {
				return d.responses(&r.Responses, &r.Refused, d.limits.Items)
			}},
			{"given", false, func(d *decoder, r *RankRequest) error { return d.each(&r.Given, d.limits.Items) }},
			{"tags", false, func(d *decoder, r *RankRequest) error { return d.tags(&r.Tags, d.limits.Items) }},
		},
		within(func(r *RankRequest) *Selecting { return &r.Selecting }, selectingFields),
	),
	check: func(d *decoder, r *RankRequest) error {
		if err := d.some(len(r.Responses), "responses", "response"); err != nil {
			return err
		}
		return d.fitting(r.Tags, len(r.Responses), "responses")
	},
}

var compareForm = form[CompareRequest]{
	fields: slices.Concat(
		within(func(r *CompareRequest) *Common { return &r.Common }, commonFields),
		[]field[CompareRequest]{{"label", false, func(d *decoder, r *CompareRequest) error { return d.text(&r.Label) }}},
		within(func(r *CompareRequest) *Prompted { return &r.Prompted }, promptedFields),
		[]field[CompareRequest]{
			{"responses", false, func(d *decoder, r *CompareRequest) error {
				return d.responses(&r.Responses, &r.Refused, d.limits.Compared)
			}},
			{"given", false, func(d *decoder, r *CompareRequest) error { return d.each(&r.Given, d.limits.Compared) }},
			{"tags", false, func(d *decoder, r *CompareRequest) error { return d.tags(&r.Tags, d.limits.Compared) }},
			{"pairs", false, func(d *decoder, r *CompareRequest) error { return d.pairs(&r.Pairs) }},
		},
		within(func(r *CompareRequest) *Summing { return &r.Summing }, summingFields),
	),
	check: func(d *decoder, r *CompareRequest) error {
		if len(r.Responses) < 2 && (r.Pairs == nil || r.Responses != nil) {
			return d.missing("responses", "must hold at least two responses, unless pairs are given")
		}
		return d.fitting(r.Tags, len(r.Responses), "responses")
	},
}

// candidates reads those of all items.
func (d *decoder) candidates(into *[]string) error {
	return d.texts(into, ofRequest(d.limits.Candidates))
}

// timeout reads the milliseconds of a deadline.
func (d *decoder) timeout(into *int64) error {
	if err := d.integer(into); err != nil {
		return err
	}
	if *into < 0 || *into > MaxTimeout {
		return d.invalid("%d is not between 0 and %d", *into, MaxTimeout)
	}
	return nil
}

// optionalNumber reads a number that may be left out.
func (d *decoder) optionalNumber(into **float64) error {
	*into = new(float64)
	return d.number(*into)
}

// some refuses a list that is missing or empty.
func (d *decoder) some(n int, name, of string) error {
	if n > 0 {
		return nil
	}
	return d.missing(name, "must hold at least one "+of)
}

// Failing is what failed items do: item, fail, or nothing where the request does not say.
func (c *Common) Failing() string { return c.OnError }

// Timeout is how long the request waits for its answer; 0: as long as its client does.
func (c *Common) Timeout() time.Duration { return time.Duration(c.TimeoutMS) * time.Millisecond }
