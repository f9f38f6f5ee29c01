package protocols

import (
	"encoding/binary"
	"math"
	"net/http"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// openAI is OpenAI's embeddings, whose form other servers give rewards in too: SGLang and verl read the reward of a
// sequence as a vector of one number, and Skywork's process reward models are read as one number for each token.
func openAI() Protocol {
	return Protocol{
		Name: "openai", Tell: tellEmbeddings,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/v1/embeddings", Summary: "OpenAI: what is the vector of each text? Rewards too",
				Takes: wire.EmbeddingsRequest{}, Gives: wire.EmbeddingsAnswer{}, Ask: askEmbeddings,
			},
			{Method: http.MethodPost, Path: "/embeddings", Ask: askEmbeddings}, // clients whose base URL lacks /v1
		},
	}
}

func askEmbeddings(c *Call) (Asked, error) {
	var form wire.EmbeddingsRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	who := c.answerer(form.Model, manifest.KindEmbedding, manifest.KindReward, manifest.KindProcess)
	if form.Model = who.name; who.question == rewards.Embed && form.Input.IDs != nil {
		return Asked{}, problem.New(failure.CodeInvalidField, "input: has token ids, which clients of an embedding model count by another tokenizer than its own; send texts")
	}
	request, err := native.ScoreRequest(&wire.ScoreRequest{Common: form.Common, Items: form.Input.Items()})
	request.Question = who.question
	for i := range request.Items {
		request.Items[i].Marks = true
	}
	engine, inBase64, kept := c.Engine, form.Encoding == "base64", form.Kept()
	onError := form.Failing()
	return Asked{Request: request, Timeout: form.Timeout(), Reply: func(given *rewards.Answer) (Reply, error) {
		return replyEmbeddings(engine, given, inBase64, kept, onError)
	}}, err
}

// replyEmbeddings gives a vector for each text: an embedding model's own, the raw outputs of a reward model, or a
// number for each token of a process model's text.
func replyEmbeddings(engine Engine, given *rewards.Answer, inBase64 bool, kept *wire.Kept, onError string) (Reply, error) {
	why := refused
	switch onError {
	case "item":
		why = func(*rewards.Answer, string) error { return nil }
	case "fail":
		why = failed
	}
	if err := why(given, "input[%d]"); err != nil {
		return Reply{}, err
	}
	of, head := answererOf(engine, given), native.ScoreAnswer(&rewards.Answer{Model: given.Model, Digest: given.Digest, Usage: given.Usage}).Answering
	_, failures := given.Items()
	answer := wire.EmbeddingsAnswer{
		Object: "list", Model: head.Model, Digest: head.Digest, Timings: head.Timings,
		Usage: wire.EmbeddingsUsage{Prompt: head.Usage.Tokens, Total: head.Usage.Tokens, Failed: failures},
		Data:  make([]wire.Embedding, len(given.Results)+len(given.Steps)+len(given.Vectors)),
	}
	write := func(i int, err *failure.Error, tokens *rewards.Tokens, numbers func() (plain any, float32s []float64)) {
		into := &answer.Data[i]
		into.Object, into.Index, into.Error = "embedding", i, native.Error(err)
		if err != nil {
			return
		}
		into.Tokens = (*wire.Tokens)(tokens)
		plain, float32s := numbers()
		if into.Embedding = plain; inBase64 {
			into.Embedding = base64Of(floats(float32s, binary.LittleEndian))
		}
	}
	for i := range given.Vectors {
		r := &given.Vectors[i]
		write(i, r.Err, &r.Tokens, func() (any, []float64) { return r.Vector, r.Vector })
	}
	for i := range given.Results {
		r := &given.Results[i]
		write(i, r.Err, &r.Tokens, func() (any, []float64) { all := outputsOf(r, of); return all, all })
	}
	for i := range given.Steps {
		r := &given.Steps[i]
		write(i, r.Err, &r.Tokens, func() (any, []float64) { all := perTokenOf(r, of); return pointers(all), gapped(all) })
	}
	if kept != nil {
		answer.Keep(kept)
	}
	return Reply{Body: &answer}, nil
}

// outputsOf are the raw outputs of a reward model; of a recipe, which has none, the score.
func outputsOf(r *rewards.Result, of *rewards.ModelInfo) []float64 {
	all, err := values(r, of, untouched)
	if err != nil {
		return []float64{r.Score}
	}
	return all
}

// perTokenOf is a number for each token of an item: where a step is read the output whose sigmoid its reader takes, and
// none elsewhere.
func perTokenOf(r *rewards.StepsResult, of *rewards.ModelInfo) []ops.Maybe {
	all := make([]ops.Maybe, r.Tokens.Tokens)
	for i := range r.Steps {
		if step := &r.Steps[i]; step.Score.Known && step.Token < len(all) {
			all[step.Token] = ops.Some(logitOf(step, of))
		}
	}
	return all
}

// logitOf is the output of a step: of one label as the graph gives it, and of several under a softmax the log-odds of
// those that mean right, so that its sigmoid is the step's score either way.
func logitOf(step *rewards.Step, of *rewards.ModelInfo) float64 {
	if of == nil || step.Logits == nil || of.Manifest.Steps.Activation != "softmax" {
		return step.Raw.Value
	}
	right := map[string]bool{}
	for _, at := range of.Manifest.Steps.Right {
		right[of.Manifest.Graph.Labels[at]] = true
	}
	forIt, against := math.Inf(-1), math.Inf(-1)
	for _, label := range of.Manifest.Graph.Labels {
		if right[label] {
			forIt = ops.LogSum(forIt, step.Logits[label])
		} else {
			against = ops.LogSum(against, step.Logits[label])
		}
	}
	return forIt - against
}

// gapped are numbers with NaN for each that is missing, for forms that have no other way to say so.
func gapped(values []ops.Maybe) []float64 {
	all := make([]float64, len(values))
	for i := range values {
		if all[i] = values[i].Value; !values[i].Known {
			all[i] = math.NaN()
		}
	}
	return all
}

// pointers are numbers as JSON has them, null for each that is missing.
func pointers(values []ops.Maybe) []*float64 {
	all := make([]*float64, len(values))
	for i := range values {
		all[i] = values[i].Pointer()
	}
	return all
}

// tellEmbeddings tells a problem as OpenAI's API does. A full queue is 503, since verl, which asks for rewards here,
// ends its step on any status below 500.
func tellEmbeddings(p *problem.Problem) Reply {
	details := Details(p)
	if details.Status == http.StatusTooManyRequests {
		details.Status = http.StatusServiceUnavailable
	}
	return Reply{Status: details.Status, Body: wire.EmbeddingsProblem{Error: openAIError(p, p.Code), ProblemDetails: details}}
}
