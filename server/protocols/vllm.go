package protocols

import (
	"net/http"
	"strings"

	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// vllm is vLLM's pooling API (vllm/entrypoints/pooling). Its activation is asked for by use_activation, which earlier
// releases called activation and softmax: vLLM itself drops those two in silence.
func vllm() Protocol {
	return Protocol{
		Name: "vllm", Tell: tellVLLM,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/pooling", Summary: "vLLM: what a model gives for each input: rewards, step rewards or vectors",
				Takes: wire.PoolingRequest{}, Gives: wire.PoolingAnswer{}, Ask: askPooling,
			},
			{
				Method: http.MethodPost, Path: "/classify", Summary: "vLLM: the values of a reward model's labels",
				Takes: wire.ClassifyRequest{}, Gives: wire.ClassifyAnswer{}, Ask: askClassify,
			},
			{
				Method: http.MethodPost, Path: "/score", Summary: "vLLM: how good is each pair of texts?",
				Takes: wire.PairsRequest{}, Gives: wire.PairsAnswer{}, Ask: askPairs,
			},
			{Method: http.MethodPost, Path: "/v1/score", Claims: claimsPairs, Ask: askPairs},
			{
				Method: http.MethodPost, Path: "/generative_scoring", Summary: "vLLM: how likely is the first of some tokens behind each item?",
				Takes: wire.GenerativeRequest{}, Gives: wire.PairsAnswer{}, Ask: askGenerative,
			},
			{Method: http.MethodGet, Path: "/health", Summary: "vLLM: 200 and nothing else where every model scores", Open: true, Tell: healthy},
			{Method: http.MethodGet, Path: "/ping", Summary: "vLLM: as /health", Open: true, Tell: healthy},
			{Method: http.MethodGet, Path: "/version", Summary: "vLLM: the version of this server", Gives: wire.VersionAnswer{}, Tell: vllmVersion},
		},
	}
}

// tellVLLM tells a problem as vLLM does: 400 for whatever a request may not have. A full queue is 503, since verl gives
// up on any status below 500.
func tellVLLM(p *problem.Problem) Reply {
	status, kind := vllmStatus(p.Status)
	return Reply{Status: status, Body: wire.VLLMProblem{Error: wire.VLLMError{Message: p.Detail, Type: kind, Code: status, Reason: p.Code}}}
}

// vllmStatus is the status of a problem, and vLLM's name of it.
func vllmStatus(status int) (int, string) {
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return http.StatusServiceUnavailable, "Service Unavailable"
	case status == http.StatusUnprocessableEntity || status == http.StatusRequestEntityTooLarge || status == http.StatusUnsupportedMediaType:
		return http.StatusBadRequest, "BadRequestError"
	case status == http.StatusNotFound:
		return status, "NotFoundError"
	case status >= 500:
		return status, "InternalServerError"
	}
	return status, strings.ReplaceAll(http.StatusText(status), " ", "") + "Error"
}

func healthy(c *Call) (Reply, error) { return Reply{}, c.Engine.Ready() }

func vllmVersion(c *Call) (Reply, error) {
	return Reply{Body: wire.VersionAnswer{Version: c.Engine.Version()}}, nil
}
