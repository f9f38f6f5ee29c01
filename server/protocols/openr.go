package protocols

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// openR is OpenR's search over process models (reason/inference), which speaks to workers of FastChat: a controller
// says where a model is, and the worker there scores steps. Here both are this server, and the address has the model in
// it.
func openR() Protocol {
	return Protocol{
		Name: "openr", Prefix: "/openr/", Tell: tellOpenR,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/get_worker_address", Summary: "OpenR: where is a process model?",
				Takes: wire.OpenRAddressRequest{}, Gives: wire.OpenRAddressAnswer{}, Tell: openRAddress,
			},
			{
				Method: http.MethodPost, Path: "/worker_value_inference", Summary: "OpenR: how good is each step?",
				Takes: wire.OpenRRequest{}, Gives: wire.OpenRAnswer{}, Ask: askOpenR,
			},
			{Method: http.MethodPost, Path: "/openr/{model}/worker_value_inference", Ask: askOpenR},
		},
	}
}

func openRAddress(c *Call) (Reply, error) {
	var form wire.OpenRAddressRequest
	if err := c.Decode(&form); err != nil {
		return Reply{}, err
	}
	who := c.answerer(form.Model, manifest.KindProcess)
	if who.model == nil || who.model.Manifest.Asked() != manifest.KindProcess {
		return Reply{Body: wire.OpenRAddressAnswer{}}, nil
	}
	scheme := "http"
	if c.Request.TLS != nil {
		scheme = "https"
	}
	return Reply{Body: wire.OpenRAddressAnswer{Address: scheme + "://" + c.Request.Host + "/openr/" + url.PathEscape(who.name)}}, nil
}

// askOpenR reads texts that have the model's mark behind each step, or questions and answers whose steps are split
// here.
func askOpenR(c *Call) (Asked, error) {
	var form wire.OpenRRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	who := c.answerer(c.Request.PathValue("model"), manifest.KindProcess)
	request := rewards.Request{Question: rewards.Steps, Model: who.name}
	asked, field := &form.Input, "input_str"
	if form.Input.Texts == nil {
		asked, field = &form.Answer, "A"
	}
	if !form.Single {
		field += "[%d]"
	}
	request.Items = make([]encode.Item, len(asked.Texts))
	for i := range asked.Texts {
		why := asked.Refused[i]
		if asked == &form.Input {
			request.Items[i].Text = &asked.Texts[i]
		} else {
			q := min(i, len(form.Question.Texts)-1)
			if why == nil {
				why = form.Question.Refused[q]
			}
			request.Items[i] = encode.Item{Prompt: &form.Question.Texts[q], Steps: stepsOf(asked.Texts[i], form.Tag)}
		}
		if why != nil {
			if request.Refused == nil {
				request.Refused = map[int]error{}
			}
			request.Refused[i] = problem.Refused(why)
		}
	}
	single, texts := form.Single, asked.Texts
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyOpenR(given, texts, single, field) }}, nil
}

// stepsOf are the steps of an answer, each of which ends with the tag.
func stepsOf(answer, tag string) []string {
	steps := []string{}
	for step := range strings.SplitSeq(answer, tag) {
		if step = strings.TrimSpace(step); step != "" {
			steps = append(steps, step)
		}
	}
	return steps
}

func replyOpenR(given *rewards.Answer, texts []string, single bool, field string) (Reply, error) {
	if err := refused(given, field); err != nil {
		return Reply{}, err
	}
	answer := wire.OpenRAnswer{Input: texts, Model: given.Model, Digest: given.Digest}
	scores := make([][]*float64, len(given.Steps))
	for i := range given.Steps {
		r := &given.Steps[i]
		if r.Err != nil {
			if answer.Errors == nil {
				answer.Errors = make([]*wire.Problem, len(given.Steps))
			}
			answer.Errors[i] = native.Error(r.Err)
			continue
		}
		scores[i] = make([]*float64, len(r.Steps))
		for k := range r.Steps {
			scores[i][k] = r.Steps[k].Score.Pointer()
		}
	}
	if answer.Value = scores; single {
		answer.Input, answer.Value = texts[0], scores[0]
	}
	return Reply{Body: answer}, nil
}

// tellOpenR tells a problem with FastChat's code of it. OpenR's client reads value, which no error has.
func tellOpenR(p *problem.Problem) Reply {
	code := 40001
	switch {
	case p.Status == http.StatusUnauthorized:
		code = 40101
	case p.Status == http.StatusTooManyRequests:
		code = 42901
	case p.Status >= 500:
		code = 50001
	}
	return Reply{Status: p.Status, Body: wire.OpenRProblem{Text: p.Detail, Code: code, Reason: p.Code}}
}
