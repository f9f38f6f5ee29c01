package wire

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// TEIRequest is what clients of Hugging Face's text-embeddings-inference send to predict (inputs) and to rerank (query
// and texts), and those of its hub to the root. Fields that none of these have are passed over.
type TEIRequest struct {
	_         struct{}   `additionalProperties:"true"`
	Model     string     `json:"model,omitempty" nullable:"true" doc:"TEI serves one model and takes no name; here it may be given"`
	Inputs    *TEIInputs `json:"inputs,omitempty" doc:"A text; a list of one or two, which is a pair; or a list of such lists"`
	Query     *string    `json:"query,omitempty" doc:"What the texts are to answer: the prompt"`
	Texts     []string   `json:"texts,omitzero" nullable:"false" doc:"The responses"`
	Truncate  *bool      `json:"truncate,omitempty" nullable:"true" doc:"Whether what is too long is cut; it is refused when left out"`
	Direction string     `json:"truncation_direction,omitempty" nullable:"true" enum:"left,Left,right,Right" doc:"Which end is cut; right when left out"`
	Raw       *bool      `json:"raw_scores,omitempty" nullable:"true" doc:"Whether scores are raw values: neither sigmoid nor softmax"`
	Return    *bool      `json:"return_text,omitempty" nullable:"true" doc:"Whether the places of a rerank have text"`

	Parameters *HubParameters `json:"parameters,omitempty" doc:"Of clients of Hugging Face's hub"`
}

// HubParameters are what clients of Hugging Face's hub may ask for beside the inputs.
type HubParameters struct {
	_         struct{} `additionalProperties:"true"`
	Function  string   `json:"function_to_apply,omitempty" nullable:"true" enum:"none,sigmoid,softmax" doc:"none: raw values"`
	Top       *int     `json:"top_k,omitempty" nullable:"true" minimum:"1" doc:"How many labels are told, the greatest first"`
	Truncate  *bool    `json:"truncate,omitempty" nullable:"true"`
	Direction string   `json:"truncation_direction,omitempty" nullable:"true" enum:"left,Left,right,Right"`
}

// TEIVertexRequest is several requests in one, as Vertex AI sends them.
type TEIVertexRequest struct {
	_         struct{}     `additionalProperties:"true"`
	Instances []TEIRequest `json:"instances" minItems:"1" nullable:"false"`
}

// TEIInputs are texts, each alone or before a second one, or a text with others that it is compared to.
type TEIInputs struct {
	Of      [][]string // one or two texts each
	Batch   bool       // they came as a list of lists
	Similar *Similar   // instead
}

// Similar is a text and others, whose similarity is asked for.
type Similar struct {
	_      struct{} `additionalProperties:"true"`
	Source string   `json:"source_sentence"`
	Others []string `json:"sentences" nullable:"false" minItems:"1"`
}

// TEIPrediction is a label and its score.
type TEIPrediction struct {
	Score float64 `json:"score"`
	Label string  `json:"label"`
}

// TEIRank is a text's place.
type TEIRank struct {
	Index int     `json:"index" doc:"Of the text in the request"`
	Text  *string `json:"text,omitempty" doc:"Where the request asks for it"`
	Score float64 `json:"score" doc:"The sigmoid of raw, or raw where the request asks for it; of an embedding model the similarity"`
}

// TEIVertexAnswer has what each of the requests would have been answered.
type TEIVertexAnswer struct {
	Predictions []any `json:"predictions" nullable:"false"`
}

// TEIInfo is what TEI says of its model.
type TEIInfo struct {
	Model     string  `json:"model_id" doc:"The checkpoint that it was made of"`
	SHA       string  `json:"model_sha" doc:"sha256 of its bundle's files"`
	Type      string  `json:"model_dtype" doc:"Of the weights as stored"`
	Served    string  `json:"served_model_name"`
	Kind      TEIKind `json:"model_type"`
	MaxInput  int     `json:"max_input_length" doc:"Tokens of a text, with its query"`
	MaxBatch  int     `json:"max_batch_tokens" doc:"Of one forward"`
	BatchMax  *int    `json:"max_batch_requests"`
	MaxClient int     `json:"max_client_batch_size" doc:"Texts of a request"`
	Cuts      bool    `json:"auto_truncate" doc:"false: nothing is cut unless the request says so"`
	Version   string  `json:"version" doc:"Of this server"`
	Commit    *string `json:"sha"`
	Image     *string `json:"docker_label"`
}

// TEIKind has one of its fields.
type TEIKind struct {
	Classifier *TEILabels  `json:"classifier,omitempty"`
	Reranker   *TEILabels  `json:"reranker,omitempty"`
	Embedding  *TEIPooling `json:"embedding,omitempty"`
}

// TEILabels are the outputs of a model, by place and by name.
type TEILabels struct {
	Names   map[string]string `json:"id2label"`
	Indices map[string]int    `json:"label2id"`
}

// TEIPooling is where an embedding model is read.
type TEIPooling struct {
	Pooling string `json:"pooling"`
}

// HealthAnswer is the body of a server whose models answer.
type HealthAnswer struct {
	Unix float64 `json:"unix" doc:"The time, in seconds since 1970"`
}

// TEIProblem is TEI's form of a problem.
type TEIProblem struct {
	Error string `json:"error"`
	Type  string `json:"error_type" enum:"Unhealthy,Backend,Overloaded,Validation,Tokenizer,Empty"`
}

// Schema describes the inputs.
func (TEIInputs) Schema(r huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	texts := &huma.Schema{Type: huma.TypeArray, Items: text}
	return &huma.Schema{AnyOf: []*huma.Schema{
		text,
		texts,
		{Type: huma.TypeArray, Items: texts},
		{
			Type: huma.TypeObject, Required: []string{"source_sentence", "sentences"}, AdditionalProperties: true,
			Properties: map[string]*huma.Schema{"source_sentence": text, "sentences": texts},
		},
	}}
}

// MarshalJSON writes the inputs as they are read.
func (i TEIInputs) MarshalJSON() ([]byte, error) {
	switch {
	case i.Similar != nil:
		return json.Marshal(i.Similar)
	case !i.Batch && len(i.Of) > 0:
		return json.Marshal(i.Of[0])
	}
	return json.Marshal(i.Of)
}

func (r *TEIRequest) decode(d *decoder) error       { return object(d, &teiForm, r) }
func (r *TEIVertexRequest) decode(d *decoder) error { return object(d, &teiVertexForm, r) }

var teiForm = form[TEIRequest]{
	lenient: true,
	fields: []field[TEIRequest]{
		orNull("model", func(d *decoder, r *TEIRequest) error { return d.text(&r.Model) }),
		{"inputs", false, func(d *decoder, r *TEIRequest) error { r.Inputs = new(TEIInputs); return d.teiInputs(r.Inputs) }},
		{"query", false, func(d *decoder, r *TEIRequest) error { return d.optional(&r.Query) }},
		{"texts", false, func(d *decoder, r *TEIRequest) error { return d.texts(&r.Texts, ofRequest(d.limits.Items)) }},
		orNull("truncate", func(d *decoder, r *TEIRequest) error { return d.truth(&r.Truncate) }),
		orNull("truncation_direction", func(d *decoder, r *TEIRequest) error { return d.direction(&r.Direction) }),
		orNull("raw_scores", func(d *decoder, r *TEIRequest) error { return d.truth(&r.Raw) }),
		orNull("return_text", func(d *decoder, r *TEIRequest) error { return d.truth(&r.Return) }),
		{"parameters", false, func(d *decoder, r *TEIRequest) error {
			r.Parameters = new(HubParameters)
			return object(d, &hubForm, r.Parameters)
		}},
	},
	check: func(d *decoder, r *TEIRequest) error {
		switch {
		case r.Inputs != nil && (r.Query != nil || r.Texts != nil):
			return d.invalid("has inputs, which are predicted, and query or texts, which are ranked: give one of them")
		case r.Inputs == nil && r.Query == nil:
			return d.invalid("expected required property inputs, or query with texts, to be present")
		case r.Inputs == nil && r.Texts == nil:
			return d.invalid("expected required property texts to be present beside query")
		}
		return nil
	},
}

var hubForm = form[HubParameters]{
	lenient: true,
	fields: []field[HubParameters]{
		orNull("function_to_apply", func(d *decoder, p *HubParameters) error { return d.word(&p.Function, "none", "sigmoid", "softmax") }),
		orNull("top_k", func(d *decoder, p *HubParameters) error { return d.atLeast(&p.Top, 1) }),
		orNull("truncate", func(d *decoder, p *HubParameters) error { return d.truth(&p.Truncate) }),
		orNull("truncation_direction", func(d *decoder, p *HubParameters) error { return d.direction(&p.Direction) }),
	},
}

var similarForm = form[Similar]{
	lenient: true,
	fields: []field[Similar]{
		{"source_sentence", true, func(d *decoder, s *Similar) error { return d.text(&s.Source) }},
		{"sentences", true, func(d *decoder, s *Similar) error { return d.texts(&s.Others, ofRequest(d.limits.Items)) }},
	},
	check: func(d *decoder, s *Similar) error { return d.some(len(s.Others), "sentences", "text") },
}

var teiVertexForm = form[TEIVertexRequest]{
	lenient: true,
	fields: []field[TEIVertexRequest]{
		{"instances", true, func(d *decoder, r *TEIVertexRequest) error {
			return list(d, &r.Instances, ofRequest(d.limits.Items), func(d *decoder, one *TEIRequest) error { return object(d, &teiForm, one) })
		}},
	},
	check: func(d *decoder, r *TEIVertexRequest) error { return d.some(len(r.Instances), "instances", "request") },
}

func (d *decoder) direction(into *string) error {
	return d.word(into, "left", "Left", "right", "Right")
}

// teiInputs reads a text, one or two in a list, a list of such lists, or a text with others.
func (d *decoder) teiInputs(into *TEIInputs) error {
	switch d.in.PeekKind() {
	case jsontext.KindString:
		into.Of = [][]string{make([]string, 1)}
		return d.text(&into.Of[0][0])
	case jsontext.KindBeginObject:
		into.Similar = new(Similar)
		return object(d, &similarForm, into.Similar)
	case jsontext.KindBeginArray:
	default:
		return d.wrong("string, array or object")
	}
	if err := d.leave(); err != nil {
		return err
	}
	if into.Batch = d.in.PeekKind() == jsontext.KindBeginArray; into.Batch {
		return elements(d, [][]string{}, &into.Of, ofRequest(d.limits.Items), func(d *decoder, one *[]string) error {
			if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
				return err
			}
			return d.teiPair(one)
		})
	}
	into.Of = make([][]string, 1)
	return d.teiPair(&into.Of[0])
}

// teiPair reads what follows the bracket of a list of one text, or of two that are one input.
func (d *decoder) teiPair(into *[]string) error {
	if err := elements(d, []string{}, into, bound{2, "an input, which is a text or a pair; of several each is a list of its own", CodeInvalidField}, (*decoder).text); err != nil {
		return err
	}
	if len(*into) == 0 {
		return d.invalid("must hold one text, or two")
	}
	return nil
}
