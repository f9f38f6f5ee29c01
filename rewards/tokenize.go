package rewards

import (
	"context"
	"errors"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// TokenizeRequest has the body of a score or a steps request and asks what the model would see.
type TokenizeRequest struct {
	Common
	Scoring
	Items     []encode.Item `json:"items" minItems:"1" nullable:"false" doc:"As score or steps takes them"`
	Threshold *float64      `json:"threshold,omitempty" doc:"Taken so that a steps body is one of this route, and left alone"`
}

// TokenizeAnswer has one result per item, in order.
type TokenizeAnswer struct {
	Model     string           `json:"model"`
	Digest    string           `json:"digest"`
	MaxTokens int              `json:"max_tokens" doc:"Longest item that the model accepts"`
	Results   []TokenizeResult `json:"results" nullable:"false"`
	TotalMS   float64          `json:"total_ms"`
}

// TokenizeResult is what the model would see of an item, or its problem.
type TokenizeResult struct {
	Text      string   `json:"text,omitempty" doc:"The text that was tokenized, rendered; none for input_ids"`
	IDs       []int64  `json:"input_ids,omitempty"`
	Read      []int    `json:"read,omitempty" doc:"Indices of the tokens whose outputs are read"`
	Tokens    int      `json:"tokens,omitempty" doc:"Length of input_ids"`
	Truncated int      `json:"truncated,omitempty" doc:"Tokens cut away, on request only"`
	Error     *Problem `json:"error,omitempty"`
}

// Size is the number of items that the request encodes.
func (r *TokenizeRequest) Size() int { return len(r.Items) }

// Problems lists each item's problem, nil where there is none.
func (a *TokenizeAnswer) Problems() []*Problem {
	problems := make([]*Problem, len(a.Results))
	for i := range a.Results {
		problems[i] = a.Results[i].Error
	}
	return problems
}

// Account sums up the answer as the other answers do; nothing was computed.
func (a *TokenizeAnswer) Account() Answering {
	return Answering{Model: a.Model, Digest: a.Digest, Usage: Usage{Items: len(a.Results)}, Timings: Timings{Total: a.TotalMS}}
}

// Tokenize encodes the items without reading them, under a model of either kind. Its error is of the whole request.
func (e *Engine) Tokenize(ctx context.Context, request TokenizeRequest) (TokenizeAnswer, error) {
	start := time.Now()
	if len(request.Items) == 0 {
		return TokenizeAnswer{}, invalid("items: must hold at least one item")
	}
	if err := request.Common.check(); err != nil {
		return TokenizeAnswer{}, err
	}
	if err := request.Scoring.check(); err != nil {
		return TokenizeAnswer{}, err
	}
	m, err := e.anyModel(request.Model)
	if err != nil {
		return TokenizeAnswer{}, err
	}
	info := m.Info()
	results := make([]TokenizeResult, len(request.Items))
	each(len(results), func(i int) {
		encoded, problem := encodeItem(ctx, m, request.Items[i], request.Truncate)
		if problem != nil {
			results[i].Error = problem
			return
		}
		results[i] = TokenizeResult{
			Text: encoded.Text, IDs: encoded.IDs, Read: encoded.Positions, Tokens: len(encoded.IDs), Truncated: encoded.Truncated,
		}
	})
	if errors.Is(ctx.Err(), context.Canceled) {
		return TokenizeAnswer{}, ctx.Err()
	}
	return TokenizeAnswer{
		Model: info.Manifest.Name, Digest: info.Digest, MaxTokens: info.Manifest.Limits.MaxTokens, Results: results,
		TotalMS: milliseconds(time.Since(start)),
	}, nil
}

// anyModel finds a model of any kind. Left unnamed, it is the only reward model, else the only one of another kind.
func (e *Engine) anyModel(name string) (reader, error) {
	m, err := e.find(name, manifest.KindReward)
	if err == nil {
		return m, nil
	}
	if m, err := e.find(name, manifest.KindProcess, manifest.KindPair, manifest.KindPreference); err == nil {
		return m, nil
	}
	return nil, err
}
