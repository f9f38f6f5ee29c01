package protocols

import (
	"net/http"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// lmdeploy is lmdeploy's reward API, as POLAR's client calls it: the body is vLLM's, and the output of an item is one
// number. Since nothing in a request tells the two apart, it has a prefix of its own, which a client takes as a part of
// the server's address.
func lmdeploy() Protocol {
	return Protocol{
		Name: "lmdeploy", Prefix: "/lmdeploy/", Tell: tellVLLM,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/lmdeploy/pooling", Summary: "lmdeploy: the reward of each input",
			Takes: wire.PoolingRequest{}, Gives: wire.PoolingAnswer{}, Ask: askLMDeploy,
		}},
	}
}

func askLMDeploy(c *Call) (Asked, error) {
	var form wire.PoolingRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request, err := asksPooler(c, &form.Pooler, &form.Input, &form.Conversing, manifest.KindReward)
	id, as, items := poolerID(c, "", form.RequestID), poolerActivation(&form.Pooler), itemsOf(&form.Conversing)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyLMDeploy(given, id, as, items) }}, err
}

func replyLMDeploy(given *rewards.Answer, id string, as activation, items string) (Reply, error) {
	if err := refused(given, items); err != nil {
		return Reply{}, err
	}
	answer := wire.PoolingAnswer{PoolingHead: poolingHead(id, given), Usage: poolingUsage(given), Data: make([]wire.Pooled, len(given.Results))}
	for i := range given.Results {
		r, into := &given.Results[i], &answer.Data[i]
		into.Index, into.Object = i, "pooling"
		switch {
		case r.Err != nil:
			into.Error = native.Error(r.Err)
			continue
		case as != untouched:
			into.Data = r.Score
		case r.Raw.Known:
			into.Data = r.Raw.Value
		default:
			return Reply{}, noRaw()
		}
		into.Tokens = (*wire.Tokens)(&r.Tokens)
	}
	return Reply{Body: answer}, nil
}
