package rewards

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/state"
)

// composed is a served recipe with its models at hand.
type composed struct {
	*recipes.Served

	sources []Source // of each reading; one model may be there more than once
	states  *state.States
}

// composing answers a request by a recipe over the readings of several models.
type composing struct {
	*composed

	request    *Request
	items      []encode.Item // that rewards are asked of: items, or the responses of all groups
	params     map[string]recipes.Given
	given      []map[string]recipes.Given // of each item: its fields
	components []component
	asks       []need // one for each model

	known []map[string]recipes.Given // of each item: what its states know
	work  int                        // that the request's expressions have taken

	products int // that the matching of tokens has taken
}

// mostWork is how many steps the expressions of one request may take, by [recipes.Recipe.Work].
const mostWork = 1 << 26

// spend counts an evaluation over so many numbers, and refuses the one that is beyond what a request may take.
func (c *composing) spend(numbers int) *failure.Error {
	if c.work += c.Work(numbers); c.work > mostWork {
		return failure.New(fault.CodeBudget, "the expressions of recipe %q take %d steps up to here, and those of one request may take %d", c.Name, c.work, mostWork)
	}
	return nil
}

// mostProducts is how many products of two numbers the matching of tokens may take for one request: a few seconds of
// one processor.
const mostProducts = 1 << 32

// match counts the matching of an item's tokens, and refuses the one that is beyond what a request may take.
func (c *composing) match(given map[string]recipes.Given) *failure.Error {
	if c.products += c.Matching(given); c.products > mostProducts {
		return failure.New(fault.CodeBudget, "matching tokens for recipe %q takes %d products up to here, and that of one request may take %d",
			c.Name, c.products, mostProducts)
	}
	return nil
}

// cells is how many numbers an answer may have.
func (c *composed) cells() int {
	if len(c.sources) == 0 {
		return models.DefaultBudget().Cells
	}
	return c.sources[0].Info().Budget.Cells
}

// maxTokens is what every model of the recipe accepts of an item; 0 where it reads none.
func (c *composed) maxTokens() int {
	if len(c.sources) == 0 {
		return 0
	}
	least := math.MaxInt
	for _, source := range c.sources {
		least = min(least, source.Info().Manifest.Limits.MaxTokens)
	}
	return least
}

// digest is of the recipe's file and of every model that takes part, so that who asks again knows by one word that
// nothing is another.
func (c *composed) digest() string {
	of := sha256.New()
	of.Write([]byte(c.Digest))
	for _, source := range c.sources {
		of.Write([]byte(source.Info().Digest))
	}
	return "sha256:" + hex.EncodeToString(of.Sum(nil))
}

// revision is 1 for the models that there were first, and one more for each that took a place since.
func (c *composed) revision() int {
	revision := 1
	counted := map[string]bool{}
	for _, source := range c.sources {
		if info := source.Info(); !counted[info.Manifest.Name] {
			counted[info.Manifest.Name] = true
			revision += info.Revision - 1
		}
	}
	return revision
}

// of reads every model once, whatever it gives of its readings to the recipe.
func (c *composed) of(r *Request) (recipe, error) {
	if err := c.answers(r); err != nil {
		return nil, err
	}
	if len(c.States) > 0 && c.states == nil {
		return nil, failure.New(failure.CodeState, "recipe %q has states, and nothing keeps any here", c.Name)
	}
	if r.Label != "" || r.Activation != activationNone || r.Gradient {
		return nil, invalid("label, activation and explain are of models, and %q is a recipe", c.Name)
	}
	params, err := c.Set(r.Params)
	if err != nil {
		return nil, invalid("%v", err)
	}
	out := &composing{composed: c, request: r, params: params, items: r.Items}
	if r.Question != Score && r.Question != Steps {
		out.items = r.responses()
	}
	c.refuseIDs(r)
	if err := out.fields(); err != nil {
		return nil, err
	}
	for i := range c.Readings {
		if err := out.add(i); err != nil {
			return nil, err
		}
	}
	if r.Question == Compare && len(c.sources) > 0 {
		return out, withinSquare(c.sources[0].Info(), len(out.items))
	}
	return out, nil
}

// answers refuses questions that the recipe does not answer.
func (c *composed) answers(r *Request) error {
	can := r.Question == Rank || r.Question == Compare || r.Question == Pairs ||
		r.Question == Score && c.Group == nil || r.Question == Steps && c.Steps != ""
	if !can {
		return failure.New(fault.CodeKind, "model: %q is a recipe, and answers %s", c.Name, c.Answers())
	}
	return nil
}

// fields finds the recipe's fields of every item. An item that lacks one fails alone.
func (c *composing) fields() error {
	r := c.request
	if len(r.Given) > 0 && len(r.Given) != len(c.items) {
		return invalid("given: is of %d responses, and there are %d", len(r.Given), len(c.items))
	}
	if len(c.Given) == 0 && len(r.Given) == 0 {
		return nil
	}
	c.given = make([]map[string]recipes.Given, len(c.items))
	for i := range c.items {
		var asked map[string]recipes.Given
		if len(r.Given) > 0 {
			asked = r.Given[i]
		}
		var err error
		if c.given[i], err = c.Of(asked); err != nil {
			r.refuse(i, failure.New(fault.CodeItem, "%v", err))
		}
	}
	return nil
}

func (c *composing) needs() []need { return c.asks }

func (c *composing) answer(ctx context.Context, read []gathered) (Answer, error) {
	if err := c.recall(ctx, read); err != nil {
		return Answer{}, err
	}
	results, outcomes, steps := make([]Result, len(c.items)), make([]recipes.Outcome, len(c.items)), 0
	for i := range results {
		if err := ctx.Err(); err != nil {
			if errors.Is(err, context.Canceled) {
				return Answer{}, err
			}
			results[i].Err = failure.Of(err)
			continue
		}
		results[i], outcomes[i] = c.result(read, i)
		for k := range results[i].Parts {
			steps += len(results[i].Parts[k].Steps)
		}
		for _, of := range results[i].Vectors {
			steps += len(of)
		}
		if steps > c.cells() {
			return Answer{}, failure.New(fault.CodeBudget, "%d steps and numbers of vectors are in the answer, and one request may have %d", steps, c.cells())
		}
	}
	answer := Answer{Transforms: []string{"recipe " + c.Name}, Activation: activationNone}
	switch c.request.Question {
	case Steps:
		answer.Threshold = c.request.Threshold
		answer.Steps = c.ofSteps(results, outcomes, read)
		return answer, c.learn(ctx, read, results, outcomes)
	case Score:
		answer.Results = results
		return answer, c.learn(ctx, read, results, outcomes)
	case Rank, Compare, Pairs, Choose, Embed, Logprobs, Tokenize:
	}
	if c.request.compares() {
		answer.Transforms = append(answer.Transforms, "bradley-terry of score")
	}
	at := 0
	for i := range c.request.Groups {
		n := len(c.request.Groups[i].Responses)
		group := results[at : at+n : at+n]
		if c.Group != nil {
			answer.Values = append(answer.Values, c.settle(read, i, group, outcomes[at:at+n]))
		}
		answer.tell(c.request, &scored{func(r *Result) float64 { return r.Score }, group})
		at += n
	}
	return answer, c.learn(ctx, read, results, outcomes)
}

// result is the reward of one item. Where a reading has failed, or the recipe has no number for what was read, the item
// has an error and no score, and the other readings are there all the same.
func (c *composing) result(read []gathered, item int) (result Result, out recipes.Outcome) {
	result = Result{Parts: make([]Part, len(c.components))}
	given := make(map[string]recipes.Given, len(c.components)+len(c.Given))
	counted := make([]bool, len(c.asks)) // what several readings share is counted once
	if why := c.request.Refused[item]; why != nil {
		result.Err = failure.Of(why)
	}
	for i := range c.components {
		one := &c.components[i]
		part, numbers := one.part(read, item)
		if result.Parts[i] = part; part.Err != nil && result.Err == nil {
			result.Err = part.Err.Within("reading " + part.Name)
		}
		given[part.Name] = numbers
		if one.shared && counted[one.need] {
			continue
		}
		counted[one.need] = counted[one.need] || one.shared
		result.Tokens = result.plus(one.tokens(read, item))
	}
	if result.Err != nil {
		return result, out
	}
	if c.given != nil {
		maps.Copy(given, c.given[item])
	}
	if c.known != nil {
		maps.Copy(given, c.known[item])
	}
	if why := c.lacks(given); why != nil {
		result.Err = why
		return result, out
	}
	if c.ReadsTexts() {
		maps.Copy(given, textsOf(&c.items[item]))
	}
	longest := 0
	for _, of := range given {
		longest = max(longest, len(of.Vector))
	}
	if why := cmp.Or(c.spend(longest), c.match(given)); why != nil {
		result.Err = why
		return result, out
	}
	out, err := c.Evaluate(c.params, given)
	if err != nil {
		result.Err = c.without(err)
		return result, out
	}
	result.Score, result.Values, result.Vectors = out.Score, out.Values, out.Vectors
	return result, out
}

// without says that the recipe has no number.
func (c *composed) without(err error) *failure.Error {
	return failure.New(failure.CodeRecipe, "recipe %q has no number for this item: %v", c.Name, err)
}

// plus adds what another sequence took.
func (t Tokens) plus(of Tokens) Tokens {
	return Tokens{t.Tokens + of.Tokens, t.Shared + of.Shared, t.Cached + of.Cached, t.Truncated + of.Truncated}
}

// ofSteps gives each item the rewards of its steps. Where they are read, and how many there are, says the first reading
// of steps that has as many; a recipe that gives another number of rewards than any has a fault of its own.
func (c *composing) ofSteps(results []Result, outcomes []recipes.Outcome, read []gathered) []StepsResult {
	all := make([]StepsResult, len(results))
	for i := range results {
		if all[i].Err = results[i].Err; all[i].Err != nil {
			continue
		}
		each := outcomes[i].Steps
		all[i].Err = failure.New(failure.CodeRecipe, "recipe %q gives %d rewards, and no reading has so many steps", c.Name, len(each))
		for k := range c.components {
			one := &c.components[k]
			if one.steps == nil || len(results[i].Parts[k].Steps) != len(each) {
				continue
			}
			of := one.steps.result(&one.of(read, i)[0], ops.Maybe{})
			all[i] = aggregate(each, c.request.Threshold, one.steps.Skip)
			all[i].Steps, all[i].Tokens = of.Steps, results[i].Tokens
			for at := range of.Steps {
				of.Steps[at].Raw, of.Steps[at].Logits = ops.Maybe{}, nil
				if at >= one.steps.Skip {
					of.Steps[at].Score = ops.Some(each[at-one.steps.Skip])
				}
			}
			break
		}
	}
	return all
}
