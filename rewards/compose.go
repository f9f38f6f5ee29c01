package rewards

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
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

// compose finds the models of a recipe. They stay until they are released, all together.
func (e *Engine) compose(s *recipes.Served) (found *composed, release func(), err error) {
	found = &composed{Served: s}
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for i, name := range s.Models {
		source, done, err := e.sources.acquire(name, kindsThatGive(s.Readings[i].Gives)...)
		if err != nil {
			release()
			return nil, nil, within("readings."+s.Readings[i].Name, err)
		}
		found.sources, releases = append(found.sources, source), append(releases, done)
	}
	return found, release, nil
}

// kindsThatGive lists the kinds of model that a reading may be of.
func kindsThatGive(gives recipes.Kind) []manifest.Kind {
	if gives == recipes.Steps {
		return []manifest.Kind{manifest.KindProcess}
	}
	return []manifest.Kind{manifest.KindReward}
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
	case Steps, Choose, Tokenize:
		return nil, failure.New(fault.CodeKind, "model: %q is a recipe, and answers score, rank and compare", c.Name)
	}
	if r.Label != "" || r.Activation != activationNone || r.Gradient {
		return nil, invalid("label, activation and explain are of models, and %q is a recipe", c.Name)
	}
	params, err := c.Set(r.Params)
	if err != nil {
		return nil, invalid("%v", err)
	}
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
			asked := items
			if one.head != nil {
				asked = whole(items)
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

// whole gives items as a reward model takes them: steps, or a separator between them, make one response.
func whole(items []encode.Item) []encode.Item {
	out := items
	for i := range items {
		if items[i].Steps == nil && items[i].Separator == nil {
			continue
		}
		if &out[0] == &items[0] {
			out = slices.Clone(items)
		}
		of := &out[i]
		if of.Steps != nil && of.Response == nil {
			of.Response = new(strings.Join(of.Steps, ""))
		}
		of.Steps, of.Separator = nil, nil
	}
	return out
}

func (c *composing) needs() []need { return c.asks }

func (c *composing) answer(_ context.Context, read []gathered) (Answer, error) {
	results, steps := make([]Result, len(c.asks[0].items)), 0
	for i := range results {
		results[i] = c.result(read, i)
		for k := range results[i].Parts {
			steps += len(results[i].Parts[k].Steps)
		}
	}
	if err := withinCells(c.sources[0].Info(), steps, 1, "steps"); err != nil {
		return Answer{}, err
	}
	answer := Answer{Transforms: []string{"recipe " + c.Name}, Activation: activationNone}
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
func (c *composing) result(read []gathered, item int) Result {
	result := Result{Parts: make([]Part, len(c.components))}
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
		return result
	}
	out, err := c.Evaluate(c.params, given)
	if err != nil {
		result.Err = failure.New(failure.CodeRecipe, "recipe %q has no number for this item: %v", c.Name, err)
		return result
	}
	result.Score, result.Values = out.Score, out.Values
	return result
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

// within says which part of a recipe an error is of.
func within(where string, err error) error {
	return failure.Of(err).Within(where)
}

// Serve adds a recipe, with the model of each of its readings by the reading's name. A reading without one gets the
// model that the recipe names, or the only one that gives what it needs. It must not be called while the engine is asked.
func (e *Engine) Serve(r *recipes.Recipe, bind map[string]string) error {
	if e.recipeNamed(r.Name) != nil || slices.ContainsFunc(e.sources.all(), func(s Source) bool { return s.Info().Manifest.Name == r.Name }) {
		return fmt.Errorf("recipe %s: something else is served under this name", r.Name)
	}
	for name := range bind {
		if !slices.ContainsFunc(r.Readings, func(one recipes.Reading) bool { return one.Name == name }) {
			return fmt.Errorf("recipe %s: has no reading %q", r.Name, name)
		}
	}
	s := recipes.Served{Recipe: r}
	for i := range r.Readings {
		name, err := e.modelOf(&r.Readings[i], bind)
		if err != nil {
			return fmt.Errorf("recipe %s: readings.%s: %w", r.Name, r.Readings[i].Name, err)
		}
		s.Models = append(s.Models, name)
	}
	e.served = append(e.served, s)
	return nil
}

// modelOf finds the model of a reading, and proves that it gives what the recipe needs of it.
func (e *Engine) modelOf(one *recipes.Reading, bind map[string]string) (string, error) {
	name := bind[one.Name]
	if name == "" {
		name = one.Model
	}
	source, release, err := e.sources.acquire(name, kindsThatGive(one.Gives)...)
	if err != nil {
		return "", err
	}
	defer release()
	m := &source.Info().Manifest
	if one.Gives == recipes.Labels && (len(m.Graph.Labels) < 2 || m.Likelihood != nil) {
		return "", fmt.Errorf("model %q gives one score, and no labels", m.Name)
	}
	for _, label := range one.Labels {
		if !slices.Contains(m.Graph.Labels, label) {
			return "", fmt.Errorf("model %q has no label %q; it has %q", m.Name, label, m.Graph.Labels)
		}
	}
	return m.Name, nil
}

func (e *Engine) recipeNamed(name string) *recipes.Served {
	for i := range e.served {
		if e.served[i].Name == name {
			return &e.served[i]
		}
	}
	return nil
}
