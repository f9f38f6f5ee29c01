package rewards

import (
	"context"
	"math"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// composed is a served recipe with its models at hand.
type composed struct {
	*recipes.Served

	sources []Source // of each reading; one model may be there more than once
}

// component is a reading of a composed recipe for one request.
type component struct {
	reading *recipes.Reading
	source  Source
	need    int   // the place of the need whose readings it has
	head    *head // of a reading that gives scores
	steps   *steps
}

// composing answers a request by a recipe over the readings of several models.
type composing struct {
	*composed

	request    *Request
	params     map[string]float64
	components []component
	asks       []need
}

// maxTokens is what every model of the recipe accepts of an item.
func (c *composed) maxTokens() int {
	least := math.MaxInt
	for _, source := range c.sources {
		least = min(least, source.Info().Manifest.Limits.MaxTokens)
	}
	return least
}

// of reads every model once, whatever it gives of its readings to the recipe.
func (c *composed) of(r *Request) (recipe, error) {
	items := r.Items
	switch r.Question {
	case Score:
	case Rank, Compare, Pairs:
		items = r.responses()
	case Steps, Choose, Logprobs, Tokenize:
		if r.Question == Steps && c.Steps != "" {
			break
		}
		return nil, failure.New(fault.CodeKind, "model: %q is a recipe, and answers %s", c.Name, c.Answers())
	}
	if r.Label != "" || r.Activation != activationNone || r.Gradient {
		return nil, invalid("label, activation and explain are of models, and %q is a recipe", c.Name)
	}
	params, err := c.Set(r.Params)
	if err != nil {
		return nil, invalid("%v", err)
	}
	c.refuseIDs(r)
	out := &composing{composed: c, request: r, params: params}
	for i := range c.Readings {
		one := component{reading: &c.Readings[i], source: c.sources[i]}
		info := one.source.Info()
		switch of := kindOf(info).evaluator(&info.Manifest).(type) {
		case *head:
			one.head = of
		case *steps:
			one.steps = of
		}
		one.need = slices.IndexFunc(out.asks, func(n need) bool { return n.source == one.source })
		if one.need < 0 {
			one.need = len(out.asks)
			asked := c.beside(items, one.source)
			if one.head != nil {
				asked = whole(asked)
			}
			out.asks = append(out.asks, need{source: one.source, items: asked, truncate: r.Truncate, refused: r.Refused})
		}
		if err := withinCells(info, len(items), len(c.Readings)+len(c.Values)+len(one.reading.Labels), "items"); err != nil {
			return nil, err
		}
		out.components = append(out.components, one)
	}
	if r.Question == Compare {
		if err := withinSquare(c.sources[0].Info(), len(items)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *composing) needs() []need { return c.asks }

func (c *composing) answer(_ context.Context, read []gathered) (Answer, error) {
	results, steps := make([]Result, len(c.asks[0].items)), 0
	each := make([][]float64, len(results))
	for i := range results {
		results[i], each[i] = c.result(read, i)
		for k := range results[i].Parts {
			steps += len(results[i].Parts[k].Steps)
		}
	}
	if err := withinCells(c.sources[0].Info(), steps, 1, "steps"); err != nil {
		return Answer{}, err
	}
	answer := Answer{Transforms: []string{"recipe " + c.Name}, Activation: activationNone}
	if c.request.Question == Steps {
		answer.Threshold = c.request.Threshold
		answer.Steps = c.ofSteps(results, each, read)
		return answer, nil
	}
	if c.request.Question == Score {
		answer.Results = results
		return answer, nil
	}
	if c.request.Question != Rank {
		answer.Transforms = append(answer.Transforms, "bradley-terry of score")
	}
	for i := range c.request.Groups {
		n := len(c.request.Groups[i].Responses)
		answer.tell(c.request, &scored{func(r *Result) float64 { return r.Score }, results[:n:n]})
		results = results[n:]
	}
	return answer, nil
}

// result is the reward of one item. Where a reading has failed, or the recipe has no number for what was read, the item
// has an error and no score, and the other readings are there all the same.
func (c *composing) result(read []gathered, item int) (result Result, steps []float64) {
	result = Result{Parts: make([]Part, len(c.components))}
	given := make(map[string]recipes.Given, len(c.components))
	for i := range c.components {
		one := &c.components[i]
		part, numbers := one.part(&read[one.need].readings[item])
		if result.Parts[i] = part; part.Err != nil && result.Err == nil {
			result.Err = part.Err.Within("reading " + part.Name)
		}
		given[part.Name] = numbers
	}
	for at := range c.asks {
		of := tokensOf(&read[at].readings[item])
		result.Tokens.Tokens += of.Tokens
		result.Shared, result.Cached, result.Truncated = result.Shared+of.Shared, result.Cached+of.Cached, result.Truncated+of.Truncated
	}
	if result.Err != nil {
		return result, nil
	}
	out, err := c.Evaluate(c.params, given)
	if err != nil {
		result.Err = failure.New(failure.CodeRecipe, "recipe %q has no number for this item: %v", c.Name, err)
		return result, nil
	}
	result.Score, result.Values = out.Score, out.Values
	return result, out.Steps
}

// ofSteps gives each item the rewards of its steps. Where they are read, and how many there are, says the first reading
// of steps that has as many; a recipe that gives another number of rewards than any has a fault of its own.
func (c *composing) ofSteps(results []Result, each [][]float64, read []gathered) []StepsResult {
	all := make([]StepsResult, len(results))
	for i := range results {
		if all[i].Err = results[i].Err; all[i].Err != nil {
			continue
		}
		all[i].Err = failure.New(failure.CodeRecipe, "recipe %q gives %d rewards, and no reading has so many steps", c.Name, len(each[i]))
		for k := range c.components {
			one := &c.components[k]
			if one.steps == nil || len(results[i].Parts[k].Steps) != len(each[i]) {
				continue
			}
			of := one.steps.result(&read[one.need].readings[i], ops.Maybe{})
			all[i] = aggregate(each[i], c.request.Threshold, one.steps.Skip)
			all[i].Steps, all[i].Tokens = of.Steps, results[i].Tokens
			for at := range of.Steps {
				of.Steps[at].Raw, of.Steps[at].Logits = ops.Maybe{}, nil
				if at >= one.steps.Skip {
					of.Steps[at].Score = ops.Some(each[i][at-one.steps.Skip])
				}
			}
			break
		}
	}
	return all
}

// part is what the component makes of its model's reading, for the answer and for the recipe.
func (c *component) part(reading *models.Reading) (Part, recipes.Given) {
	info := c.source.Info()
	part := Part{Name: c.reading.Name, Model: info.Manifest.Name, Digest: info.Digest}
	if c.steps != nil {
		of := c.steps.result(reading, ops.Maybe{})
		part.Err, part.Tokens = of.Err, of.Tokens
		for k := range of.Steps {
			if of.Steps[k].Score.Known {
				part.Steps = append(part.Steps, of.Steps[k].Score.Value)
			}
		}
		return part, recipes.Given{Steps: part.Steps}
	}
	of := c.head.result(reading)
	part.Err, part.Tokens = of.Err, of.Tokens
	if of.Err != nil {
		return part, recipes.Given{}
	}
	part.Score, part.Raw = ops.Some(of.Score), of.Raw
	switch c.reading.Gives {
	case recipes.Raw:
		return part, recipes.Given{Number: of.Raw.Value}
	case recipes.Labels:
		part.Scores = map[string]float64{}
		for _, label := range c.reading.Labels {
			part.Scores[label] = of.Scores[label]
		}
		return part, recipes.Given{Labels: part.Scores}
	case recipes.Score, recipes.Steps:
	}
	return part, recipes.Given{Number: of.Score}
}
