package protocols

import (
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// OpenAIModel is a model, or a recipe where there is no info, as clients of OpenAI's API read it.
func OpenAIModel(name string, began time.Time, info *rewards.ModelInfo) wire.OpenAIModel {
	model := wire.OpenAIModel{ID: name, Object: "model", Created: began.Unix(), Owner: "assay"}
	if info != nil {
		model.Longest = info.Manifest.Limits.MaxTokens
	}
	return model
}

// tellModel tells of the model, or of the recipe, that the path names.
func tellModel(c *Call) (Reply, error) {
	name := c.Request.PathValue("model")
	if !c.Engine.Serves(name) {
		return Reply{}, problem.New(fault.CodeModel, "model: %q is none of ours; GET /v1/models lists the models, and GET /v1/recipes the recipes", fault.Short(name))
	}
	info := modelOf(c.Engine, name)
	answer := wire.ModelAnswer{OpenAIModel: OpenAIModel(name, c.Engine.Began(), info)}
	if info != nil {
		answer.ModelInfo = new(native.ModelInfo(info))
	}
	return Reply{Body: answer}, nil
}

// openAIError is a problem as clients of OpenAI's API read it, under "error".
func openAIError(p *problem.Problem, code any) wire.OpenAIError {
	kind := "invalid_request_error"
	switch {
	case p.Status == 401:
		kind = "authentication_error"
	case p.Status == 403:
		kind = "permission_error"
	case p.Status == 404:
		kind = "not_found_error"
	case p.Status == 429:
		kind = "rate_limit_error"
	case p.Status >= 500:
		kind = "server_error"
	}
	return wire.OpenAIError{Message: p.Detail, Type: kind, Code: code}
}
