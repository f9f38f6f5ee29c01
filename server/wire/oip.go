package wire

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// OIPRequest is the JSON of an inference request of the Open Inference Protocol, version 2, as KServe and Triton have
// it. Tensors whose parameters have binary_data_size follow the JSON as bytes, in the order of the inputs.
type OIPRequest struct {
	_          struct{}      `additionalProperties:"true"`
	ID         string        `json:"id,omitempty" doc:"Comes back as it is"`
	Parameters OIPParameters `json:"parameters,omitempty" doc:"timeout (microseconds), truncate, label, separator, datatype and binary_data_output; others are passed over"`
	Inputs     []OIPInput    `json:"inputs" nullable:"false" doc:"sentences; or prompt and response; or tokens and sequence_lengths"`
	Outputs    []OIPOutput   `json:"outputs,omitempty" nullable:"false" doc:"Those that are wanted; rewards when left out"`
}

// OIPInput is a tensor of a request. Its data are texts (BYTES), or whole numbers and truths (the others).
type OIPInput struct {
	_          struct{}      `additionalProperties:"true"`
	Name       string        `json:"name"`
	Shape      []int64       `json:"shape" nullable:"false"`
	Datatype   string        `json:"datatype" doc:"BYTES of texts, INT64 or INT32 of numbers"`
	Parameters OIPParameters `json:"parameters,omitempty" doc:"binary_data_size: bytes of the tensor behind the JSON"`
	Data       any           `json:"data,omitempty" doc:"The elements in row-major order, flat or nested"`
}

// OIPOutput names an output that is wanted.
type OIPOutput struct {
	_          struct{}      `additionalProperties:"true"`
	Name       string        `json:"name"`
	Parameters OIPParameters `json:"parameters,omitempty" doc:"binary_data: whether it comes as bytes behind the JSON"`
}

// OIPParameters are truths, numbers and words by name: bool, float64 or string.
type OIPParameters map[string]any

// OIPAnswer is the JSON of an answer, before the tensors that follow it as bytes.
type OIPAnswer struct {
	Model      string       `json:"model_name" doc:"That answered"`
	Version    string       `json:"model_version"`
	ID         string       `json:"id,omitempty" doc:"The request's"`
	Parameters *OIPAnswerer `json:"parameters,omitempty"`
	Outputs    []OIPResult  `json:"outputs" nullable:"false"`
}

// OIPAnswerer says more of an answer than the protocol asks for.
type OIPAnswerer struct {
	Digest string `json:"digest" doc:"sha256 of the bundle's files"`
	Tokens int    `json:"tokens" doc:"That were read"`
}

// OIPResult is a tensor of an answer.
type OIPResult struct {
	Name       string   `json:"name"`
	Datatype   string   `json:"datatype"`
	Shape      []int    `json:"shape" nullable:"false"`
	Parameters *OIPSize `json:"parameters,omitempty" doc:"Where the elements follow the JSON as bytes"`
	Data       any      `json:"data,omitempty" doc:"The elements, flat; null is a number that is missing"`
}

// OIPSize says how many bytes the elements of a tensor have.
type OIPSize struct {
	Bytes int `json:"binary_data_size"`
}

// OIPServer is what GET /v2 tells of the server.
type OIPServer struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions" nullable:"false"`
}

// OIPLive says that the process lives.
type OIPLive struct {
	Live bool `json:"live"`
}

// OIPReady says that the server, or the model of that name, answers.
type OIPReady struct {
	Name  string `json:"name,omitempty" doc:"Of the model; none of the server"`
	Ready bool   `json:"ready"`
}

// OIPModels lists what is served.
type OIPModels struct {
	Models []string `json:"models" nullable:"false"`
}

// OIPModel is the metadata of a model or a recipe.
type OIPModel struct {
	Name     string      `json:"name"`
	Versions []string    `json:"versions" nullable:"false"`
	Platform string      `json:"platform"`
	Inputs   []OIPTensor `json:"inputs" nullable:"false"`
	Outputs  []OIPTensor `json:"outputs" nullable:"false"`
	Digest   string      `json:"digest,omitempty" doc:"sha256 of the bundle's files"`
	Labels   []string    `json:"labels,omitempty" doc:"What the columns of label_rewards are"`
}

// OIPTensor is a tensor that a model takes or gives; -1 is any length.
type OIPTensor struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape" nullable:"false"`
}

// OIPConfig is a model's configuration in the form of Triton.
type OIPConfig struct {
	Name     string            `json:"name"`
	Platform string            `json:"platform"`
	Backend  string            `json:"backend"`
	MaxBatch int               `json:"max_batch_size" doc:"Items of a request"`
	Input    []OIPConfigTensor `json:"input" nullable:"false"`
	Output   []OIPConfigTensor `json:"output" nullable:"false"`
}

// OIPConfigTensor is a tensor of a configuration, whose first dimension, that of the batch, is left out.
type OIPConfigTensor struct {
	Name     string `json:"name"`
	Datatype string `json:"data_type"`
	Dims     []int  `json:"dims" nullable:"false"`
	Optional bool   `json:"optional,omitempty"`
}

// OIPIndex is the repository's index: a line of each model.
type OIPIndex []OIPIndexed

// OIPIndexed is a model of the index.
type OIPIndexed struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state" enum:"READY,UNAVAILABLE"`
	Reason  string `json:"reason"`
}

// OIPError is a problem in the protocol's form.
type OIPError struct {
	Error string `json:"error"`
}

func (r *OIPRequest) decode(d *decoder) error { return object(d, &oipForm, r) }

var oipForm = form[OIPRequest]{lenient: true, fields: []field[OIPRequest]{
	{"id", false, func(d *decoder, r *OIPRequest) error { return d.unlessNull(func() error { return d.text(&r.ID) }) }},
	{"parameters", false, func(d *decoder, r *OIPRequest) error { return d.oipParameters(&r.Parameters) }},
	{"inputs", true, func(d *decoder, r *OIPRequest) error {
		return list(d, &r.Inputs, ofRequest(mostTensors), func(d *decoder, of *OIPInput) error { return object(d, &oipInputForm, of) })
	}},
	{"outputs", false, func(d *decoder, r *OIPRequest) error {
		return d.unlessNull(func() error {
			return list(d, &r.Outputs, ofRequest(mostTensors), func(d *decoder, of *OIPOutput) error { return object(d, &oipOutputForm, of) })
		})
	}},
}}

// Bounds of a request of the protocol beside those of [Limits].
const (
	mostTensors    = 16 // inputs, and outputs; dimensions of a tensor too
	mostParameters = 64
)

var oipInputForm = form[OIPInput]{lenient: true, fields: []field[OIPInput]{
	{"name", true, func(d *decoder, t *OIPInput) error { return d.text(&t.Name) }},
	{"shape", true, func(d *decoder, t *OIPInput) error { return d.ids(&t.Shape, ofRequest(mostTensors)) }},
	{"datatype", true, func(d *decoder, t *OIPInput) error { return d.text(&t.Datatype) }},
	{"parameters", false, func(d *decoder, t *OIPInput) error { return d.oipParameters(&t.Parameters) }},
	{"data", false, func(d *decoder, t *OIPInput) error { return d.unlessNull(func() error { return d.oipData(&t.Data) }) }},
}}

var oipOutputForm = form[OIPOutput]{lenient: true, fields: []field[OIPOutput]{
	{"name", true, func(d *decoder, o *OIPOutput) error { return d.text(&o.Name) }},
	{"parameters", false, func(d *decoder, o *OIPOutput) error { return d.oipParameters(&o.Parameters) }},
}}

func (d *decoder) oipParameters(into *OIPParameters) error {
	return d.unlessNull(func() error { return byName(d, into, ofRequest(mostParameters), (*decoder).oipParameter) })
}

func (d *decoder) oipParameter(into *any) error {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is wrong
	case jsontext.KindTrue, jsontext.KindFalse:
		var truth bool
		err := d.boolean(&truth)
		*into = truth
		return err
	case jsontext.KindNumber, jsontext.KindString:
		return d.numberOrText(into)
	}
	return d.wrong("boolean, number or string")
}

// oipData reads the elements of a tensor, in lists within each other or in one: as []string or as []int64, of which a
// truth is 0 or 1. Of no element it makes an empty []string.
func (d *decoder) oipData(into *any) error {
	var texts []string
	var numbers []int64
	if err := d.oipElements(&texts, &numbers, 0); err != nil {
		return err
	}
	switch {
	case numbers == nil:
		if texts == nil {
			texts = []string{}
		}
		*into = texts
	case texts == nil:
		*into = numbers
	default:
		return d.invalid("holds texts and numbers")
	}
	return nil
}

func (d *decoder) oipElements(texts *[]string, numbers *[]int64, depth int) error {
	if depth >= mostTensors {
		return d.invalid("lists within each other: more than %d, the limit of a tensor", mostTensors)
	}
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	at := len(d.path)
	for i := 0; d.in.PeekKind() != jsontext.KindEndArray; i++ {
		d.path = append(d.path, element(i))
		switch d.in.PeekKind() {
		case jsontext.KindBeginArray:
			if err := d.oipElements(texts, numbers, depth+1); err != nil {
				return err
			}
		case jsontext.KindString:
			if len(*texts) >= d.limits.Items {
				d.path = d.path[:at]
				return d.over(ofRequest(d.limits.Items))
			}
			var text string
			if err := d.text(&text); err != nil {
				return err
			}
			*texts = append(*texts, text)
		case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNumber:
			number, err := d.oipNumber()
			if err != nil {
				return err
			}
			*numbers = append(*numbers, number)
		default:
			return d.wrong("string, integer or array")
		}
		d.path = d.path[:at]
	}
	return d.leave()
}

func (d *decoder) oipNumber() (int64, error) {
	if d.in.PeekKind() != jsontext.KindNumber {
		var truth bool
		if err := d.boolean(&truth); err != nil || !truth {
			return 0, err
		}
		return 1, nil
	}
	raw, err := d.in.ReadValue()
	if err != nil {
		return 0, d.syntax(err)
	}
	number, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, d.invalid("expected integer, got %s", short(raw))
	}
	return number, nil
}
