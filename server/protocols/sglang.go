package protocols

import (
	"net/http"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// sglang is SGLang's reward API (sglang/srt/entrypoints). Its native routes take text and input_ids, and give raw
// outputs; what verl asks of it is OpenAI's embeddings.
func sglang() Protocol {
	of := Protocol{Name: "sglang", Tell: tellSGLang}
	claims := func(c *Call) bool { return c.Has("text") || c.Has("input_ids") }
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		encode := Route{Method: method, Path: "/encode", Ask: askSGLang}
		if method == http.MethodPost {
			encode.Summary, encode.Takes, encode.Gives = "SGLang: the reward, or the vector, of each text; /classify too", wire.SGLangRequest{}, wire.SGLangOutput{}
		}
		of.Routes = append(of.Routes, encode, Route{Method: method, Path: "/classify", Claims: claims, Ask: askSGLang})
	}
	of.Routes = append(of.Routes,
		Route{Method: http.MethodPost, Path: "/v1/score", Claims: func(c *Call) bool { return c.Has("query") && c.Has("items") }, Ask: askSGLangScore},
		Route{
			Method: http.MethodPost, Path: "/v1/classify", Summary: "SGLang: the values of a reward model's labels",
			Takes: wire.ClassifyRequest{}, Gives: wire.ClassifyAnswer{}, Ask: askClassify,
		},
		Route{Method: http.MethodGet, Path: "/health_generate", Summary: "SGLang: 200 and nothing else where every model scores", Open: true, Tell: healthy},
	)
	return of
}

// askSGLang reads texts, pairs of texts, or token ids. One that is no list is answered without one.
func askSGLang(c *Call) (Asked, error) {
	var form wire.SGLangRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	who := c.answerer(form.Model, manifest.KindReward, manifest.KindEmbedding)
	items, single, field := form.Text.Items(), form.Text.Single, "text[%d]"
	if form.IDs.IDs != nil {
		items, single, field = form.IDs.Items(), form.IDs.Single, "input_ids[%d]"
	}
	request, err := native.ScoreRequest(&wire.ScoreRequest{Common: wire.Common{Model: who.name}, Items: items})
	request.Question = who.question
	engine, id, rids := c.Engine, c.ID, form.RID.Texts
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		if err := refused(given, field); err != nil {
			return Reply{}, err
		}
		outputs := sglangOutputs(engine, given, id, rids)
		if single {
			return Reply{Body: outputs[0]}, nil
		}
		return Reply{Body: outputs}, nil
	}}, err
}

// sglangOutputs are the raw outputs of a reward model, or the vectors of an embedding model.
func sglangOutputs(engine Engine, given *rewards.Answer, id string, rids []string) []wire.SGLangOutput {
	of := answererOf(engine, given)
	outputs := make([]wire.SGLangOutput, len(given.Results)+len(given.Vectors))
	for i := range outputs {
		meta := &outputs[i].Meta
		meta.ID, meta.Finish.Type, meta.Version, meta.Model, meta.Latency = id, "length", given.Digest, given.Model, given.Usage.Total.Seconds()
		switch {
		case len(rids) == 1:
			meta.ID = rids[0]
		case len(rids) > 1:
			meta.ID = rids[i]
		}
	}
	for i := range given.Results {
		r := &given.Results[i]
		if outputs[i].Error, outputs[i].Meta.Prompt = native.Error(r.Err), r.Tokens.Tokens; r.Err == nil {
			outputs[i].Embedding = outputsOf(r, of)
		}
	}
	for i := range given.Vectors {
		r := &given.Vectors[i]
		if outputs[i].Error, outputs[i].Meta.Prompt = native.Error(r.Err), r.Tokens.Tokens; r.Err == nil {
			outputs[i].Embedding = r.Vector
		}
	}
	return outputs
}

// tellSGLang tells a problem in both of SGLang's forms, each of which its clients read on some routes. Its statuses are
// vLLM's.
func tellSGLang(p *problem.Problem) Reply {
	status, kind := vllmStatus(p.Status)
	return Reply{Status: status, Body: wire.SGLangProblem{
		Object: "error", Message: p.Detail, Type: kind, Code: status, Reason: p.Code, Error: wire.SGLangMessage{Message: p.Detail},
	}}
}

// notHere is the problem of a field that means nothing under the model that answers.
func notHere(format string, args ...any) error {
	return problem.New(failure.CodeInvalidField, format, args...)
}
