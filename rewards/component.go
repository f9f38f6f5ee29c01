package rewards

import (
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// component is a reading of a composed recipe for one request.
type component struct {
	reading *recipes.Reading
	source  Source
	need    int  // the place of its model's need
	shared  bool // it reads the items as they are, as do other readings of the same model
	spans   []span
	unread  map[int]error   // of items for which there is nothing to read: why
	alone   map[string]span // of texts that are read alone: where

	head  *head      // of a reading that gives scores
	steps *steps     // of one that gives steps
	rule  matcher    // of one that gives preferences
	likes bool       // it gives log-probabilities of tokens
	texts *relevance // of one that gives embeddings
}

// span is where the readings of an item, or of a group, stand among those of the need.
type span struct{ begin, end int }

// add makes the component of the recipe's reading at a place, and adds to its model's need what it reads.
func (c *composing) add(place int) error {
	one := component{reading: &c.Readings[place], source: c.sources[place], unread: map[int]error{}}
	info := one.source.Info()
	switch of := kindOf(info).evaluator(&info.Manifest).(type) {
	case *head:
		one.head = of
	case *steps:
		one.steps = of
	case matcher:
		one.rule = of
	case *relevance:
		one.texts = of
	}
	if one.likes = one.reading.Tokenwise(); one.likes {
		one.steps = nil
	}
	numbers := len(c.Readings) + len(c.Values) + len(one.reading.Labels)
	if err := withinCells(info, len(c.items), numbers, "items"); err != nil {
		return err
	}
	if one.need = slices.IndexFunc(c.asks, func(n need) bool { return n.source == one.source }); one.need < 0 {
		one.need = len(c.asks)
		c.asks = append(c.asks, need{source: one.source, truncate: c.request.Truncate, refused: map[int]error{}})
	}
	switch ask := &c.asks[one.need]; {
	case one.rule != nil:
		if err := c.between(&one, ask); err != nil {
			return err
		}
	case one.reading.Input == nil && one.reading.Gives != recipes.Candidates:
		c.plain(&one, ask)
	default:
		c.expand(&one, ask)
	}
	if n := len(c.asks[one.need].items); n > info.Budget.Items {
		return failure.New(failure.CodeTooManyItems,
			"readings.%s: the request reads %d sequences of model %q for %d items, and one request may have %d", one.reading.Name, n,
			info.Manifest.Name, len(c.items), info.Budget.Items)
	}
	c.components = append(c.components, one)
	return nil
}

// plain reads the items as they are, once for all such readings of a model.
func (c *composing) plain(one *component, ask *need) {
	one.shared = true
	for i := range c.components {
		if other := &c.components[i]; other.shared && other.need == one.need {
			one.spans = other.spans
			return
		}
	}
	items := c.beside(c.items, one.source)
	if one.head != nil {
		items = whole(items)
	}
	for i := range items {
		at := len(ask.items)
		if why := c.request.Refused[i]; why != nil {
			ask.refused[at] = why
		}
		ask.items, one.spans = append(ask.items, items[i]), append(one.spans, span{at, at + 1})
	}
}

// made is what the reading makes of an item, which its model would take as taken.
func (c *composing) made(one *component, i int, taken *encode.Item) ([]encode.Item, error) {
	if err := c.request.Refused[i]; err != nil || one.reading.Input == nil {
		return []encode.Item{*taken}, err
	}
	var given map[string]recipes.Given
	if c.given != nil {
		given = c.given[i]
	}
	return inputs(one.reading, &c.items[i], taken, given)
}

// text makes the item of a text that is read alone, unless one before it has the same text: then that one's place is
// known. So the prompt of a group is read once.
func (c *component) text(item *encode.Item, ask *need) (at span, known bool) {
	if at, known = c.alone[*item.Text]; known {
		return at, true
	}
	c.alone[*item.Text] = span{len(ask.items), len(ask.items) + 1}
	if c.reading.EachToken() {
		item.EveryToken, ask.keepIDs = true, true
	} else {
		item.Text = new(c.texts.before(c.reading.Input.Alone) + *item.Text)
	}
	return span{}, false
}

// expand reads what the reading makes of each item.
func (c *composing) expand(one *component, ask *need) {
	items := c.beside(c.items, one.source)
	one.alone = map[string]span{}
	for i := range items {
		begin := len(ask.items)
		made, err := c.made(one, i, &items[i])
		if err != nil {
			made, one.unread[i] = nil, err
		} else if one.texts != nil {
			if at, known := one.text(&made[0], ask); known {
				one.spans = append(one.spans, at)
				continue
			}
		}
		for _, item := range whole(made) {
			if one.reading.Gives != recipes.Candidates {
				ask.items = append(ask.items, item)
				continue
			}
			for k := range one.reading.Labels {
				item.Candidates, item.Candidate, item.Response = nil, &one.reading.Labels[k], nil
				ask.items = append(ask.items, item)
			}
		}
		one.spans = append(one.spans, span{begin, len(ask.items)})
	}
}

// between reads what compares the responses of each group. Its spans are of groups.
func (c *composing) between(one *component, ask *need) error {
	for g := range c.request.Groups {
		if n := len(c.request.Groups[g].Responses); n < 2 {
			return invalid("responses: reading %s compares responses, and needs at least two", one.reading.Name)
		} else if err := withinSquare(one.source.Info(), n); err != nil {
			return err
		}
	}
	m := &matching{one.source, c.request, one.rule}
	of := m.needs()[0]
	begin := len(ask.items)
	ask.items = append(ask.items, of.items...)
	for i, why := range of.refused {
		ask.refused[begin+i] = why
	}
	for g := range c.request.Groups {
		end := begin + one.rule.sequences(len(c.request.Groups[g].Responses))
		one.spans, begin = append(one.spans, span{begin, end}), end
	}
	return nil
}

// of are the readings at a place of the component's spans.
func (c *component) of(read []gathered, place int) []models.Reading {
	at := c.spans[place]
	return read[c.need].readings[at.begin:at.end]
}

// tokens counts those of an item.
func (c *component) tokens(read []gathered, item int) (all Tokens) {
	if c.rule != nil {
		return all
	}
	readings := c.of(read, item)
	for i := range readings {
		all = all.plus(tokensOf(&readings[i]))
	}
	return all
}

// part is what the component makes of its model's readings of an item, for the answer and for the recipe.
func (c *component) part(read []gathered, item int) (Part, recipes.Given) {
	info := c.source.Info()
	part := Part{Name: c.reading.Name, Model: info.Manifest.Name, Digest: info.Digest}
	if c.rule != nil {
		return part, recipes.Given{} // it is of the group
	}
	if why := c.unread[item]; why != nil {
		part.Err = failure.Of(why)
		return part, recipes.Given{}
	}
	part.Tokens = c.tokens(read, item)
	readings := c.of(read, item)
	switch {
	case c.likes:
		part.Steps, part.Err = likelihoods(&readings[0], info.Manifest.Graph.Labels)
		return part, recipes.Given{Vector: part.Steps}
	case c.steps != nil:
		of := c.steps.result(&readings[0], ops.Maybe{})
		part.Err = of.Err
		for k := range of.Steps {
			if of.Steps[k].Score.Known {
				part.Steps = append(part.Steps, of.Steps[k].Score.Value)
			}
		}
		return part, recipes.Given{Vector: part.Steps}
	case c.texts != nil:
		return c.vectors(part, &readings[0])
	case c.reading.Gives == recipes.Candidates:
		of := chosen(info.Manifest.Graph.Labels, c.reading.Labels, readings)
		if part.Err = of.Err; of.Err == nil {
			part.Scores = map[string]float64{}
			for i := range of.Candidates {
				part.Scores[of.Candidates[i].Text] = of.Candidates[i].Probability
			}
		}
		return part, recipes.Given{Labels: part.Scores}
	case c.reading.Many():
		return c.each(part, readings)
	}
	of := c.head.result(&readings[0])
	if part.Err = of.Err; of.Err != nil {
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
	case recipes.Score, recipes.Steps, recipes.Candidates, recipes.Embedding, recipes.Preferences:
	}
	return part, recipes.Given{Number: of.Score}
}

// vectors is the part of a reading of one text: its vector, or those of its tokens.
func (c *component) vectors(part Part, reading *models.Reading) (Part, recipes.Given) {
	if c.reading.EachToken() {
		of := c.texts.tokens(reading)
		part.Err = of.err
		return part, recipes.Given{Tokens: of.tokens}
	}
	of := c.texts.vector(reading)
	part.Err = of.err
	return part, recipes.Given{Vector: of.vector}
}

// each is the part of a reading of several inputs: a number of each, in their order.
func (c *component) each(part Part, readings []models.Reading) (Part, recipes.Given) {
	for i := range readings {
		of := c.head.result(&readings[i])
		if of.Err != nil {
			part.Err, part.Steps = of.Err, nil
			return part, recipes.Given{}
		}
		if c.reading.Gives == recipes.Raw {
			of.Score = of.Raw.Value
		}
		part.Steps = append(part.Steps, of.Score)
	}
	return part, recipes.Given{Vector: part.Steps}
}
