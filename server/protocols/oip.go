package protocols

import (
	"mime"
	"net/http"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// oip is the Open Inference Protocol, version 2, over HTTP, as KServe and Triton serve it, with Triton's extensions of
// binary tensors, of the model's configuration and of the repository's index. Its reward model is that of NeMo-Aligner:
// texts or tokens in, one reward for each out.
func oip() Protocol {
	const model = "/v2/models/{model}"
	of := Protocol{Name: "oip", Prefix: "/v2/", Tell: tellOIP, Accepts: acceptsOIP, Routes: []Route{
		{Method: http.MethodGet, Path: "/v2", Summary: "Open Inference Protocol: the server", Gives: wire.OIPServer{}, Tell: tellOIPServer},
		{Method: http.MethodGet, Path: "/v2/health/live", Summary: "Open Inference Protocol: the process lives", Open: true, Gives: wire.OIPLive{}, Tell: tellOIPLive},
		{Method: http.MethodGet, Path: "/v2/health/ready", Summary: "Open Inference Protocol: every model scores", Open: true, Gives: wire.OIPReady{}, Tell: tellOIPReady},
		{Method: http.MethodGet, Path: "/v2/models", Summary: "Open Inference Protocol: what is served", Gives: wire.OIPModels{}, Tell: tellOIPModels},
		{Method: http.MethodPost, Path: "/v2/repository/index", Summary: "Triton: the index of the repository", Gives: wire.OIPIndex{}, Tell: tellOIPIndex},
	}}
	for _, path := range []string{model, model + "/versions/{version}"} {
		routes := []Route{
			{Method: http.MethodGet, Path: path, Summary: "Open Inference Protocol: a model's tensors", Gives: wire.OIPModel{}, Tell: tellOIPModel},
			{Method: http.MethodGet, Path: path + "/ready", Summary: "Open Inference Protocol: a model scores", Gives: wire.OIPReady{}, Tell: tellOIPModelReady},
			{Method: http.MethodGet, Path: path + "/config", Summary: "Triton: a model's configuration", Gives: wire.OIPConfig{}, Tell: tellOIPConfig},
			{
				Method: http.MethodPost, Path: path + "/infer", Summary: "Open Inference Protocol: rewards of texts or tokens",
				Takes: wire.OIPRequest{}, Gives: wire.OIPAnswer{}, Ask: askOIP,
			},
		}
		if path != model { // the same again
			for i := range routes {
				routes[i].Summary = ""
			}
		}
		of.Routes = append(of.Routes, routes...)
	}
	return of
}

// tellOIP gives a problem as {"error": …}, under the statuses that Triton and KServe know.
func tellOIP(p *problem.Problem) Reply {
	status := p.Status
	switch {
	case status == http.StatusUnprocessableEntity || status == http.StatusUnsupportedMediaType:
		status = http.StatusBadRequest
	case p.Code == failure.CodeQueueFull || p.Code == problem.CodeBodiesFull:
		status = http.StatusServiceUnavailable
	}
	return Reply{Status: status, Body: wire.OIPError{Error: p.Detail}}
}

// acceptsOIP takes what its clients send: JSON, bytes behind it, or no type at all.
func acceptsOIP(header http.Header) error {
	given := header.Get("Content-Type")
	if given == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(given); err != nil || media != "application/json" && media != "application/octet-stream" {
		return problem.New(problem.CodeMediaType, "Content-Type is %q, and may be application/json, application/octet-stream or none", fault.Short(given))
	}
	return nil
}

// oipModel is what a name of a path stands for.
type oipModel struct {
	name     string // to ask for; empty: the one that answers
	shown    string
	info     *rewards.ModelInfo // nil: a recipe
	question rewards.Question
}

// oipModelOf finds the model or the recipe of a call's path. A name that is none of ours means the one model that
// scores or, where none does, the one that scores steps.
func oipModelOf(c *Call) (oipModel, error) {
	given := c.Request.PathValue("model")
	if v := c.Request.PathValue("version"); v != "" && v != oipVersion {
		return oipModel{}, problem.New(fault.CodeModel, "version: %q is none of model %q, which has version %s alone", fault.Short(v), fault.Short(given), oipVersion)
	}
	infos := c.Engine.Models()
	at := slices.IndexFunc(infos, func(m rewards.ModelInfo) bool { return m.Manifest.Name == given })
	switch {
	case at >= 0:
		return oipAsks(&infos[at], given)
	case c.Engine.Serves(given):
		return oipModel{name: given, shown: given, question: rewards.Score}, nil
	}
	for _, question := range oipQuestions {
		if at, able := onlyOne(infos, question); able {
			return oipAsks(&infos[at], infos[at].Manifest.Name)
		}
	}
	return oipModel{}, problem.New(fault.CodeModel, "no model is named %q, and several answer; GET /v2/models lists the names", fault.Short(given))
}

// oipQuestions are those that infer asks, the first that a model answers.
var oipQuestions = [...]rewards.Question{rewards.Score, rewards.Steps}

// onlyOne finds the one model that answers a question, where there is one.
func onlyOne(infos []rewards.ModelInfo, question rewards.Question) (at int, is bool) {
	at = -1
	for i := range infos {
		if slices.Contains(infos[i].Answers, string(question)) {
			if at >= 0 {
				return at, false
			}
			at = i
		}
	}
	return at, at >= 0
}

func oipAsks(info *rewards.ModelInfo, name string) (oipModel, error) {
	for _, question := range oipQuestions {
		if slices.Contains(info.Answers, string(question)) {
			return oipModel{name: name, shown: name, info: info, question: question}, nil
		}
	}
	return oipModel{}, problem.New(fault.CodeKind, "model %q answers %s, and has no reward of a single text", name, info.Answers)
}

const (
	oipVersion  = "1"
	oipPlatform = "assay"
)

func tellOIPServer(c *Call) (Reply, error) {
	return Reply{Body: wire.OIPServer{
		Name: "assay", Version: c.Engine.Version(), Extensions: []string{"binary_tensor_data", "model_configuration", "model_repository"},
	}}, nil
}

func tellOIPLive(*Call) (Reply, error) { return Reply{Body: wire.OIPLive{Live: true}}, nil }

func tellOIPReady(c *Call) (Reply, error) {
	return Reply{Body: wire.OIPReady{Ready: true}}, c.Engine.Ready()
}

func tellOIPModelReady(c *Call) (Reply, error) {
	of, err := oipModelOf(c)
	if err == nil {
		err = c.Engine.Ready()
	}
	return Reply{Body: wire.OIPReady{Name: of.shown, Ready: true}}, err
}

func tellOIPModels(c *Call) (Reply, error) {
	infos := c.Engine.Models()
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Manifest.Name
	}
	return Reply{Body: wire.OIPModels{Models: names}}, nil
}

func tellOIPIndex(c *Call) (Reply, error) {
	state, reason := "READY", ""
	if err := c.Engine.Ready(); err != nil {
		state, reason = "UNAVAILABLE", problem.Of(err).Detail
	}
	infos := c.Engine.Models()
	index := make(wire.OIPIndex, len(infos))
	for i := range infos {
		index[i] = wire.OIPIndexed{Name: infos[i].Manifest.Name, Version: oipVersion, State: state, Reason: reason}
	}
	return Reply{Body: index}, nil
}

func tellOIPModel(c *Call) (Reply, error) {
	of, err := oipModelOf(c)
	if err != nil {
		return Reply{}, err
	}
	body := wire.OIPModel{Name: of.shown, Versions: []string{oipVersion}, Platform: oipPlatform}
	for _, t := range oipInputs {
		body.Inputs = append(body.Inputs, wire.OIPTensor{Name: t.name, Datatype: t.datatype, Shape: append([]int{-1}, t.dims...)})
	}
	for _, t := range of.outputs() {
		body.Outputs = append(body.Outputs, wire.OIPTensor{Name: t.name, Datatype: t.datatype, Shape: append([]int{-1}, t.dims...)})
	}
	if of.info != nil {
		body.Digest = of.info.Digest
		if labels := of.labels(); len(labels) > 1 {
			body.Labels = labels
		}
	}
	return Reply{Body: body}, nil
}

func tellOIPConfig(c *Call) (Reply, error) {
	of, err := oipModelOf(c)
	if err != nil {
		return Reply{}, err
	}
	body := wire.OIPConfig{Name: of.shown, Platform: oipPlatform, Backend: oipPlatform, MaxBatch: c.Limits.Items}
	for _, t := range oipInputs {
		body.Input = append(body.Input, wire.OIPConfigTensor{Name: t.name, Datatype: t.config(), Dims: t.dims, Optional: true})
	}
	for _, t := range of.outputs() {
		body.Output = append(body.Output, wire.OIPConfigTensor{Name: t.name, Datatype: t.config(), Dims: t.dims})
	}
	return Reply{Body: body}, nil
}
