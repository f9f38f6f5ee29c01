package protocols

import (
	"fmt"
	"net/http"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// tei is Hugging Face's text-embeddings-inference (1.9.3) as far as it classifies, reranks and compares, and what the
// clients of the hub post to the root of a server of their own.
func tei() Protocol {
	takes, predictions, ranks := wire.TEIRequest{}, []wire.TEIPrediction{}, []wire.TEIRank{}
	return Protocol{
		Name: "tei", Tell: tellTEI,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/predict", Summary: "TEI's classes of texts", Takes: takes, Gives: predictions,
				Ask: func(c *Call) (Asked, error) { return askTEI(c, predicts, asTEI) },
			},
			{
				Method: http.MethodPost, Path: "/rerank", Summary: "TEI's reranker, where the body has texts", Takes: takes, Gives: ranks,
				Claims: func(c *Call) bool { return c.Has("texts") },
				Ask:    func(c *Call) (Asked, error) { return askTEI(c, reranks, asTEI) },
			},
			{
				Method: http.MethodPost, Path: "/similarity", Summary: "TEI's similarity of a text to others", Takes: takes, Gives: []float64{},
				Ask: func(c *Call) (Asked, error) { return askTEI(c, compares, asTEI) },
			},
			{
				Method: http.MethodPost, Path: "/vertex", Summary: "TEI's requests in one, as Vertex AI sends them",
				Takes: wire.TEIVertexRequest{}, Gives: wire.TEIVertexAnswer{}, Ask: askVertex,
			},
			{
				Method: http.MethodPost, Path: "/", Summary: "What clients of Hugging Face's hub post to a server of their own",
				Takes: takes, Gives: [][]wire.TEIPrediction{},
				Ask: func(c *Call) (Asked, error) { return askTEI(c, predicts|reranks|compares, asHub) },
			},
			{
				Method: http.MethodPost, Path: "/tokenize", Summary: "TEI's tokens of texts, where the body has inputs",
				Takes: wire.TEITokenizeRequest{}, Gives: [][]wire.TEIToken{},
				Claims: func(c *Call) bool { return c.Has("inputs") }, Ask: askTEITokenize,
			},
			{
				Method: http.MethodPost, Path: "/decode", Summary: "TEI's texts of ids", Takes: wire.TEIDecodeRequest{}, Gives: []string{},
				Tell: tellTEIDecode,
			},
			{Method: http.MethodGet, Path: "/info", Summary: "What TEI says of its model", Gives: wire.TEIInfo{}, Tell: tellInfo},
			{Method: http.MethodGet, Path: "/health", Summary: "The models answer", Open: true, Gives: wire.HealthAnswer{}, Tell: health},
			{Method: http.MethodGet, Path: "/", Open: true, Tell: health},
			{Method: http.MethodGet, Path: "/ping", Open: true, Tell: health},
		},
	}
}

// What a route does with a body, and whether it tells the classes of one text in a list of their own, as TEI does, or
// in a list of such lists, as the hub does.
const (
	predicts = 1 << iota
	reranks
	compares

	asTEI, asHub = false, true
)

// teiPart is one request, and where its results stand.
type teiPart struct {
	form       *wire.TEIRequest
	field      string // that leads those of the request
	begin, end int
	nested     bool
}

// does is what a request wants to be done.
func does(form *wire.TEIRequest) int {
	switch {
	case form.Inputs == nil:
		return reranks
	case form.Inputs.Similar != nil:
		return compares
	}
	return predicts
}

func askTEI(c *Call, may int, hub bool) (Asked, error) {
	var form wire.TEIRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	if may&does(&form) == 0 {
		return Asked{}, problem.New(failure.CodeInvalidField, "body: %s takes another form: /predict inputs that are texts, /rerank query and texts, "+
			"/similarity inputs with source_sentence and sentences", c.Request.URL.Path)
	}
	return teiAsked(c, []teiPart{{form: &form, nested: hub}}, func(all []any) any { return all[0] })
}

// askVertex asks for several requests at once.
func askVertex(c *Call) (Asked, error) {
	var form wire.TEIVertexRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	parts := make([]teiPart, len(form.Instances))
	for i := range form.Instances {
		parts[i] = teiPart{form: &form.Instances[i], field: fmt.Sprintf("instances[%d].", i)}
	}
	return teiAsked(c, parts, func(all []any) any { return wire.TEIVertexAnswer{Predictions: all} })
}

// teiAsked makes one question of all parts, which must agree about what is cut and who answers.
func teiAsked(c *Call, parts []teiPart, body func([]any) any) (Asked, error) {
	request := rewards.Request{Question: rewards.Score, Kind: rewarding(c.Engine), Truncate: teiTruncation(parts[0].form)}
	model, similar := teiModel(c, parts[0].form), does(parts[0].form) == compares
	for i := range parts {
		part := &parts[i]
		part.begin = len(request.Items)
		request.Items = append(request.Items, teiItems(part.form)...)
		part.end = len(request.Items)
		switch {
		case part.begin == part.end:
			return Asked{}, problem.New(fault.CodeEmpty, "%sinputs and texts: must hold at least one text", part.field)
		case teiTruncation(part.form) != request.Truncate || teiModel(c, part.form) != model || (does(part.form) == compares) != similar:
			return Asked{}, problem.New(failure.CodeInvalidField, "%struncate: all instances must agree about it, about model and about whether texts are compared", part.field)
		}
	}
	request.Model = c.Model(model, rewards.Score)
	if similar {
		if request.Kind = manifest.KindEmbedding; request.Model != "" && kindOf(c.Engine, request.Model) != manifest.KindEmbedding {
			return Asked{}, problem.New(fault.CodeKind, "inputs: a similarity is of an embedding model, and %q is none", fault.Short(request.Model))
		}
	}
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		all, of := make([]any, len(parts)), classifier(c.Engine, given.Model)
		for i := range parts {
			told, err := parts[i].answer(&of, given)
			if err != nil {
				return Reply{}, err
			}
			all[i] = told
		}
		return Reply{Header: teiHeaders(c, &request, given), Body: body(all)}, nil
	}}, nil
}

// teiModel is what the URL or the body names.
func teiModel(c *Call, form *wire.TEIRequest) string {
	if c.Request.URL.RawQuery != "" {
		if name := c.Request.URL.Query().Get("model"); name != "" {
			return name
		}
	}
	return form.Model
}

// teiTruncation is what is cut; nothing, where the client does not say so.
func teiTruncation(form *wire.TEIRequest) encode.Truncation {
	cut, side := form.Truncate, form.Direction
	if p := form.Parameters; p != nil && cut == nil {
		cut, side = p.Truncate, p.Direction
	}
	switch {
	case cut == nil || !*cut:
		return encode.TruncateError
	case side == "left" || side == "Left":
		return encode.TruncateLeft
	}
	return encode.TruncateRight
}

// teiItems are the items of a request: a text as it is, a pair as prompt and response.
func teiItems(form *wire.TEIRequest) []encode.Item {
	query, texts := form.Query, form.Texts
	switch does(form) {
	case compares:
		query, texts = &form.Inputs.Similar.Source, form.Inputs.Similar.Others
	case predicts:
		items := make([]encode.Item, len(form.Inputs.Of))
		for i, of := range form.Inputs.Of {
			if len(of) == 1 {
				items[i].Text = &of[0]
			} else {
				items[i].Prompt, items[i].Response = &of[0], &of[1]
			}
		}
		return items
	}
	items := make([]encode.Item, len(texts))
	for i := range texts {
		items[i].Prompt, items[i].Response = query, &texts[i]
	}
	return items
}
