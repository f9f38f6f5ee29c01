package wire

// OpenRRequest is the body of OpenR's /worker_value_inference, in either of its two forms.
type OpenRRequest struct {
	_ struct{} `additionalProperties:"true"`

	Input    SideTexts `json:"input_str,omitzero" doc:"A question and its answer as one text, or a list of them, with the model's own mark behind each step"`
	Question SideTexts `json:"Q,omitzero" doc:"A question, or one for each answer; instead of input_str"`
	Answer   SideTexts `json:"A,omitzero" doc:"An answer, or a list of them, whose steps end with prm_step_tag"`
	Tag      string    `json:"prm_step_tag,omitempty" doc:"What stands behind each step of an answer"`
	Single   bool      `json:"-"` // the text, or the answer, is not in a list
}

// OpenRAnswer has the scores of the steps of each text, in order.
type OpenRAnswer struct {
	Input  any        `json:"input" doc:"As it was asked"`
	Value  any        `json:"value" doc:"The scores of the steps of one text, or such a list for each; null of one that failed"`
	Errors []*Problem `json:"errors,omitempty" doc:"Of each text, null where it has scores; left out where all have"`
	Model  string     `json:"model" doc:"That answered"`
	Digest string     `json:"digest" doc:"sha256 of the model's bundle's files"`
}

// OpenRAddressRequest is the body of the controller's /get_worker_address.
type OpenRAddressRequest struct {
	_     struct{} `additionalProperties:"true"`
	Model string   `json:"model" doc:"Name of a process model; where it is none of ours and one alone is served, that one is meant"`
}

// OpenRAddressAnswer says where a model is asked.
type OpenRAddressAnswer struct {
	Address string `json:"address" doc:"Base URL of the worker; empty where there is no such model"`
}

// OpenRProblem is an error as FastChat's workers tell it, which OpenR's are.
type OpenRProblem struct {
	Text   string `json:"text"`
	Code   int    `json:"error_code" doc:"FastChat's: 40001, 40101, 42901 or 50001"`
	Reason string `json:"reason" doc:"The code of docs/API.md"`
}

func (r *OpenRRequest) decode(d *decoder) error        { return object(d, &openRForm, r) }
func (r *OpenRAddressRequest) decode(d *decoder) error { return object(d, &openRAddressForm, r) }

var openRAddressForm = form[OpenRAddressRequest]{
	lenient: true,
	fields: []field[OpenRAddressRequest]{
		{"model", true, func(d *decoder, r *OpenRAddressRequest) error { return d.text(&r.Model) }},
	},
}

var openRForm = form[OpenRRequest]{
	lenient: true,
	fields: []field[OpenRRequest]{
		{"input_str", false, func(d *decoder, r *OpenRRequest) error { return d.sides(&r.Input) }},
		{"Q", false, func(d *decoder, r *OpenRRequest) error { return d.sides(&r.Question) }},
		{"A", false, func(d *decoder, r *OpenRRequest) error { return d.sides(&r.Answer) }},
		{"prm_step_tag", false, func(d *decoder, r *OpenRRequest) error { return d.text(&r.Tag) }},
	},
	check: func(d *decoder, r *OpenRRequest) error {
		q, a := len(r.Question.Texts), len(r.Answer.Texts)
		switch {
		case len(r.Input.Texts) > 0 && q+a == 0:
			r.Single = r.Input.Single
		case len(r.Input.Texts) > 0 || q == 0 || a == 0:
			return d.invalid("expected input_str, or Q with A, each with one text or more")
		case r.Tag == "":
			return d.missing("prm_step_tag", "must be there: it ends each step of A")
		case q > 1 && q != a:
			return d.missing("Q", "must be one question for all answers, or one for each")
		default:
			r.Single = r.Answer.Single
		}
		return nil
	},
}
