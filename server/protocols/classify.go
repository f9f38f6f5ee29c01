package protocols

import (
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

func askClassify(c *Call) (Asked, error) {
	var form wire.ClassifyRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request, err := asksPooler(c, &form.Pooler, &form.Input, &form.Conversing, manifest.KindReward)
	id, as, items := poolerID(c, "classify-", form.RequestID), poolerActivation(&form.Pooler), itemsOf(&form.Conversing)
	engine := c.Engine
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replyClassify(engine, given, id, as, items)
	}}, err
}

func replyClassify(engine Engine, given *rewards.Answer, id string, as activation, items string) (Reply, error) {
	if err := refused(given, items); err != nil {
		return Reply{}, err
	}
	of := answererOf(engine, given)
	answer := wire.ClassifyAnswer{PoolingHead: poolingHead(id, given), Usage: poolingUsage(given), Data: make([]wire.Classified, len(given.Results))}
	for i := range given.Results {
		r, into := &given.Results[i], &answer.Data[i]
		into.Index = i
		if r.Err != nil {
			into.Error = native.Error(r.Err)
			continue
		}
		probs, err := values(r, of, as)
		if err != nil {
			return Reply{}, err
		}
		into.Probs, into.Classes, into.Tokens = probs, len(probs), (*wire.Tokens)(&r.Tokens)
		into.Label = labelOf(of, probs)
	}
	return Reply{Body: answer}, nil
}

// labelOf is the label with the largest value, the first of equal ones; nil where the values are of no labels.
func labelOf(of *rewards.ModelInfo, values []float64) *string {
	if of == nil || len(of.Manifest.Graph.Labels) != len(values) {
		return nil
	}
	best := 0
	for i, x := range values {
		if x > values[best] {
			best = i
		}
	}
	return &of.Manifest.Graph.Labels[best]
}
