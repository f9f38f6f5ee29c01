package protocols

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// tellTEI tells a problem with TEI's statuses and types. What is wrong with a request is 422 there, and what fails
// behind it 424.
func tellTEI(p *problem.Problem) Reply {
	status, kind := p.Status, "Validation"
	switch {
	case p.Code == fault.CodeEmpty:
		status, kind = http.StatusBadRequest, "Empty"
	case p.Code == fault.CodeTemplate || p.Code == fault.CodeNoTemplate:
		kind = "Tokenizer"
	case p.Code == fault.CodeKind:
		status, kind = http.StatusFailedDependency, "Backend"
	case p.Code == problem.CodeBodyTooLarge:
	case status == http.StatusRequestEntityTooLarge:
		status = http.StatusUnprocessableEntity
	case status == http.StatusTooManyRequests:
		kind = "Overloaded"
	case status == http.StatusServiceUnavailable:
		kind = "Unhealthy"
	case status == http.StatusGatewayTimeout:
		kind = "Backend"
	case status >= http.StatusInternalServerError:
		status, kind = http.StatusFailedDependency, "Backend"
	}
	return Reply{Status: status, Body: wire.TEIProblem{Error: p.Detail, Type: kind}}
}

// answer is what the part's request is answered with. TEI's clients need a number for every text, so that one that
// failed refuses the request.
func (p *teiPart) answer(of *classifying, given *rewards.Answer) (any, error) {
	results, raw := given.Results[p.begin:p.end], p.form.Raw != nil && *p.form.Raw
	told := of.told
	if raw {
		told = func(x float64) float64 { return x }
	}
	switch does(p.form) {
	case reranks:
		return p.ranks(results, told)
	case compares:
		values := make([]float64, len(results))
		for i := range results {
			if err := results[i].Err; err != nil {
				return nil, Failed(err, fmt.Sprintf("%sinputs.sentences[%d]", p.field, i))
			}
			values[i] = rawOf(&results[i])
		}
		return values, nil
	}
	function := ""
	if parameters := p.form.Parameters; parameters != nil {
		function = parameters.Function
	}
	if raw {
		function = functionNone
	}
	all := make([][]wire.TEIPrediction, len(results))
	for i := range results {
		field := p.field + "inputs"
		if p.form.Inputs.Batch {
			field = fmt.Sprintf("%s[%d]", field, i)
		}
		if err := results[i].Err; err != nil {
			return nil, Failed(err, field)
		}
		classes, err := of.classes(&results[i], function)
		if err != nil {
			return nil, err
		}
		if p.form.Parameters != nil && p.form.Parameters.Top != nil {
			classes = classes[:min(len(classes), *p.form.Parameters.Top)]
		}
		all[i] = classes
	}
	if p.form.Inputs.Batch || p.nested {
		return all, nil
	}
	return all[0], nil
}

// ranks are the texts, those that fit best first.
func (p *teiPart) ranks(results []rewards.Result, told func(float64) float64) (any, error) {
	order, err := relevances(results, told, p.field+"texts")
	if err != nil {
		return nil, err
	}
	ranks := make([]wire.TEIRank, len(order))
	for i, one := range order {
		ranks[i] = wire.TEIRank{Index: one.index, Score: one.value}
		if p.form.Return != nil && *p.form.Return {
			ranks[i].Text = &p.form.Texts[one.index]
		}
	}
	return ranks, nil
}

var teiHeaderNames = [...]string{
	"X-Compute-Type", "X-Compute-Time", "X-Compute-Characters", "X-Compute-Tokens", "X-Total-Time", "X-Queue-Time", "X-Inference-Time",
}

// teiHeaders say what a request took, in milliseconds, characters and tokens. How long the tokenizer took is not
// measured by itself, so that TEI's header of it is left out.
func teiHeaders(c *Call, request *rewards.Request, given *rewards.Answer) http.Header {
	characters, device := 0, "cpu+optimized"
	for i := range request.Items {
		for _, text := range []*string{request.Items[i].Text, request.Items[i].Prompt, request.Items[i].Response} {
			if text != nil {
				characters += utf8.RuneCountInString(*text)
			}
		}
	}
	if m := answererOf(c.Engine, given); m != nil && strings.Contains(m.Provider, "CUDA") {
		device = "gpu+optimized"
	}
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	u := &given.Usage
	values := []string{
		device, milliseconds(u.Total), strconv.Itoa(characters), strconv.Itoa(u.Tokens), milliseconds(u.Total), milliseconds(u.Queue), milliseconds(u.Run),
	}
	header := make(http.Header, len(values))
	for i, name := range teiHeaderNames {
		header[name] = values[i : i+1 : i+1]
	}
	return header
}

// teiServed is the model of that name; without one the only one that TEI's questions could be of.
func teiServed(c *Call, name string) (*rewards.ModelInfo, error) {
	kind := rewarding(c.Engine)
	var of []*rewards.ModelInfo
	all := c.Engine.Models()
	for i := range all {
		if m := &all[i]; m.Manifest.Name == name || name == "" && (kind == "" || m.Manifest.Asked() == kind) {
			of = append(of, m)
		}
	}
	if len(of) != 1 {
		return nil, problem.New(fault.CodeModel, "model: %d models fit %q; name one in the URL, as in /info?model=NAME", len(of), fault.Short(name))
	}
	return of[0], nil
}

// tellInfo says what TEI's own server does of its model; the URL may name one of several.
func tellInfo(c *Call) (Reply, error) {
	of, err := teiServed(c, c.Request.URL.Query().Get("model"))
	if err != nil {
		return Reply{}, err
	}
	m := &of.Manifest
	info := wire.TEIInfo{
		Model: m.Source.Checkpoint, SHA: of.Digest, Type: m.Graph.Precision, Served: m.Name, MaxInput: m.Limits.MaxTokens,
		MaxBatch: of.Batching.Tokens, MaxClient: min(c.Limits.Items, of.Budget.Items), Version: c.Engine.Version(),
	}
	if info.Model == "" {
		info.Model = m.Name
	}
	labels := &wire.TEILabels{Names: map[string]string{}, Indices: map[string]int{}}
	for i, label := range m.Graph.Labels {
		labels.Names[strconv.Itoa(i)], labels.Indices[label] = label, i
	}
	switch {
	case m.Kind == manifest.KindEmbedding:
		info.Kind.Embedding = &wire.TEIPooling{Pooling: m.Pooling}
	case len(m.Graph.Labels) == 1:
		info.Kind.Reranker = labels
	default:
		info.Kind.Classifier = labels
	}
	return Reply{Body: info}, nil
}

// health tells that the models answer. Infinity's clients read the time in it, and others the status alone.
func health(c *Call) (Reply, error) {
	if err := c.Engine.Ready(); err != nil {
		return Reply{}, err
	}
	return Reply{Body: wire.HealthAnswer{Unix: float64(time.Now().UnixMilli()) / 1000}}, nil
}
