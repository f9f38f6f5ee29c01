package wire

import (
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// SideTexts are one side of pairs of texts: one text, or a list of them.
type SideTexts struct {
	Texts   []string
	Single  bool           // one text, not in a list
	Refused map[int]*Error // why single texts cannot be read, by index; they are empty
}

// MarshalJSON writes the side in the form that it came in.
func (s SideTexts) MarshalJSON() ([]byte, error) {
	if s.Single {
		return json.Marshal(s.Texts[0])
	}
	return json.Marshal(s.Texts)
}

// Schema describes both forms, and null, which is as good as none.
func (SideTexts) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{AnyOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text}, {Type: "null"}}}
}

// PairsRequest is the body of vLLM's /score: pairs of texts, whose two sides have had four names.
type PairsRequest struct {
	_ struct{} `additionalProperties:"true"`
	Pooler
	Queries   SideTexts `json:"queries,omitzero" doc:"What is asked: one text for all documents, or one for each"`
	Documents SideTexts `json:"documents,omitzero" doc:"What answers"`
	Items     SideTexts `json:"items,omitzero" doc:"Another name of documents"`
	Text1     SideTexts `json:"text_1,omitzero" doc:"An older name of queries"`
	Text2     SideTexts `json:"text_2,omitzero" doc:"An older name of documents"`
	Data1     SideTexts `json:"data_1,omitzero" doc:"Another name of queries"`
	Data2     SideTexts `json:"data_2,omitzero" doc:"Another name of documents"`

	Instruction        string `json:"instruction,omitempty" nullable:"true" doc:"What a document is judged by: the system's turn before the query"`
	MaxTokensPerQuery  Never  `json:"max_tokens_per_query,omitzero" doc:"Refused unless 0: a text is never cut in silence"`
	MaxTokensPerDoc    Never  `json:"max_tokens_per_doc,omitzero" doc:"Refused unless 0"`
	ChatTemplateKwargs Never  `json:"chat_template_kwargs,omitzero" doc:"Refused unless empty"`
}

// Sides are the queries and the documents, by the names that they came in, and those names.
func (r *PairsRequest) Sides() (queries, documents *SideTexts, query, document string) {
	for _, of := range []struct {
		queries, documents *SideTexts
		query, document    string
	}{
		{&r.Queries, &r.Documents, "queries", "documents"},
		{&r.Queries, &r.Items, "queries", "items"},
		{&r.Text1, &r.Text2, "text_1", "text_2"},
		{&r.Data1, &r.Data2, "data_1", "data_2"},
	} {
		if of.queries.Texts != nil && of.documents.Texts != nil {
			return of.queries, of.documents, of.query, of.document
		}
	}
	return nil, nil, "", ""
}

// PairsAnswer has one score for each pair, in order.
type PairsAnswer struct {
	PoolingHead
	Data  []PairScored `json:"data" nullable:"false"`
	Usage PoolingUsage `json:"usage"`
}

// PairScored is the score of a pair, or its problem. Failed pairs have an error and no score.
type PairScored struct {
	Index  int      `json:"index"`
	Object string   `json:"object" enum:"score"`
	Score  *float64 `json:"score,omitempty"`

	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there is no score"`
}

func (r *PairsRequest) decode(d *decoder) error { return object(d, &pairsForm, r) }

var pairsForm = form[PairsRequest]{
	lenient: true,
	fields: slices.Concat(
		within(func(r *PairsRequest) *Pooler { return &r.Pooler }, poolerFields),
		[]field[PairsRequest]{
			{"queries", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Queries) }},
			{"documents", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Documents) }},
			{"items", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Items) }},
			{"text_1", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Text1) }},
			{"text_2", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Text2) }},
			{"data_1", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Data1) }},
			{"data_2", false, func(d *decoder, r *PairsRequest) error { return d.sides(&r.Data2) }},
			{"instruction", false, func(d *decoder, r *PairsRequest) error { return d.textOrNull(&r.Instruction) }},
			{"max_tokens_per_query", false, func(d *decoder, _ *PairsRequest) error {
				return d.never("would cut a text in silence; send texts that fit, or truncate_prompt_tokens: -1")
			}},
			{"max_tokens_per_doc", false, func(d *decoder, _ *PairsRequest) error {
				return d.never("would cut a text in silence; send texts that fit, or truncate_prompt_tokens: -1")
			}},
			{"chat_template_kwargs", false, func(d *decoder, _ *PairsRequest) error {
				return d.never("the bundle's template has its variables")
			}},
		},
	),
	check: func(d *decoder, r *PairsRequest) error {
		given := 0
		for _, side := range []*SideTexts{&r.Queries, &r.Documents, &r.Items, &r.Text1, &r.Text2, &r.Data1, &r.Data2} {
			if side.Texts != nil {
				given++
			}
		}
		queries, documents, query, document := r.Sides()
		switch {
		case queries == nil || given != 2:
			return d.invalid("expected queries with documents or items, text_1 with text_2, or data_1 with data_2")
		case len(queries.Texts) == 0:
			return d.missing(query, "must hold at least one text")
		case len(documents.Texts) == 0:
			return d.missing(document, "must hold at least one text")
		case len(queries.Texts) > 1 && len(queries.Texts) != len(documents.Texts):
			d.path = append(d.path, member(query))
			return d.invalid("has %d texts and %s %d; it must have one for all, or one for each", len(queries.Texts), document, len(documents.Texts))
		}
		return r.agree(d)
	},
}

// sides reads a text, or a list of texts. Each may fail alone.
func (d *decoder) sides(into *SideTexts) error {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is no list, which reading it as one says
	case jsontext.KindNull:
		return d.leave()
	case jsontext.KindString:
		into.Single = true
		return d.one(&into.Texts)
	}
	return d.responses(&into.Texts, &into.Refused, d.limits.Items)
}
