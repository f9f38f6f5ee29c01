package wire

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// TEITokenizeRequest asks TEI's way which tokens texts have.
type TEITokenizeRequest struct {
	_      struct{} `additionalProperties:"true"`
	Model  string   `json:"model,omitempty" nullable:"true"`
	Inputs Passages `json:"inputs" doc:"Texts, or one text"`
	Add    *bool    `json:"add_special_tokens,omitempty" nullable:"true" doc:"Whether the tokens that are put around a text are told; they are when left out"`
	Prompt string   `json:"prompt_name,omitempty" nullable:"true" maxLength:"0" doc:"Refused: no model here has prompts by name"`
}

// TEIToken is a token, and where it stands in its text.
type TEIToken struct {
	ID      int64  `json:"id"`
	Text    string `json:"text"`
	Special bool   `json:"special" doc:"Whether it was put before or behind the text"`
	Start   *int   `json:"start" doc:"In bytes of the text; null of a special one"`
	Stop    *int   `json:"stop"`
}

// TEIDecodeRequest asks TEI's way which texts ids stand for.
type TEIDecodeRequest struct {
	_     struct{} `additionalProperties:"true"`
	Model string   `json:"model,omitempty" nullable:"true"`
	IDs   IDLists  `json:"ids" doc:"Ids of a text, or a list of such lists"`
	Skip  *bool    `json:"skip_special_tokens,omitempty" nullable:"true" doc:"true when left out"`
}

// IDLists are the ids of several texts; those of one are written without the list, too.
type IDLists [][]int64

// Schema describes the ids.
func (IDLists) Schema(huma.Registry) *huma.Schema {
	ids := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}
	return &huma.Schema{AnyOf: []*huma.Schema{ids, {Type: huma.TypeArray, Items: ids}}}
}

func (r *TEITokenizeRequest) decode(d *decoder) error { return object(d, &teiTokenizeForm, r) }
func (r *TEIDecodeRequest) decode(d *decoder) error   { return object(d, &teiDecodeForm, r) }

var teiTokenizeForm = form[TEITokenizeRequest]{
	lenient: true,
	fields: []field[TEITokenizeRequest]{
		orNull("model", func(d *decoder, r *TEITokenizeRequest) error { return d.text(&r.Model) }),
		{"inputs", true, func(d *decoder, r *TEITokenizeRequest) error { return d.passages(&r.Inputs) }},
		orNull("add_special_tokens", func(d *decoder, r *TEITokenizeRequest) error { return d.truth(&r.Add) }),
		orNull("prompt_name", func(d *decoder, r *TEITokenizeRequest) error {
			if err := d.text(&r.Prompt); err != nil || r.Prompt == "" {
				return err
			}
			return d.invalid("%q is none: no model here has prompts by name; write it before the text", short(r.Prompt))
		}),
	},
	check: func(d *decoder, r *TEITokenizeRequest) error { return d.some(len(r.Inputs), "inputs", "text") },
}

var teiDecodeForm = form[TEIDecodeRequest]{
	lenient: true,
	fields: []field[TEIDecodeRequest]{
		orNull("model", func(d *decoder, r *TEIDecodeRequest) error { return d.text(&r.Model) }),
		{"ids", true, func(d *decoder, r *TEIDecodeRequest) error { return d.idLists(&r.IDs) }},
		orNull("skip_special_tokens", func(d *decoder, r *TEIDecodeRequest) error { return d.truth(&r.Skip) }),
	},
	check: func(d *decoder, r *TEIDecodeRequest) error { return d.some(len(r.IDs), "ids", "list of ids") },
}

// idLists reads the ids of one text or of several.
func (d *decoder) idLists(into *IDLists) error {
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	if d.in.PeekKind() == jsontext.KindBeginArray {
		return elements(d, [][]int64{}, (*[][]int64)(into), ofRequest(d.limits.Items), func(d *decoder, ids *[]int64) error {
			return d.ids(ids, ofRequest(d.limits.IDs))
		})
	}
	*into = make(IDLists, 1)
	return elements(d, []int64{}, &(*into)[0], ofRequest(d.limits.IDs), (*decoder).integer)
}
