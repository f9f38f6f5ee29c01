package wire

// RerankRequest is what clients of Cohere's (v1 and v2), Jina's, vLLM's and Infinity's rerankers send. Fields that none
// of these have, and those that change nothing here, are passed over.
type RerankRequest struct {
	_         struct{} `additionalProperties:"true"`
	Model     string   `json:"model,omitempty" nullable:"true" doc:"Where it is no name of ours and one model alone ranks, that one is meant"`
	Query     Passage  `json:"query" doc:"What the documents are to answer: the prompt"`
	Documents Passages `json:"documents" doc:"The responses, as texts or as objects with text"`
	TopN      *int     `json:"top_n,omitempty" nullable:"true" minimum:"0" doc:"Places that the answer keeps; 0: all"`
	Return    *bool    `json:"return_documents,omitempty" nullable:"true" doc:"Whether results have document"`

	Raw        *bool `json:"raw_scores,omitempty" nullable:"true" doc:"Whether relevance_score is the raw value instead of its sigmoid"`
	Activate   *bool `json:"use_activation,omitempty" nullable:"true" doc:"vLLM's name of the opposite of raw_scores"`
	Activation *bool `json:"activation,omitempty" nullable:"true" doc:"Its older name"`
	Softmax    *bool `json:"softmax,omitempty" nullable:"true" doc:"Its oldest name"`

	Truncate     string `json:"truncate,omitempty" nullable:"true" enum:"error,left,right,NONE,START,END" doc:"What happens to a document that is too long; it is refused when left out"`
	PromptTokens *int   `json:"truncate_prompt_tokens,omitempty" nullable:"true" minimum:"-1" doc:"-1 cuts what is too long for the model; a number is a bound that every document must keep"`
	Side         string `json:"truncation_side,omitempty" nullable:"true" enum:"left,right" doc:"Which end truncate_prompt_tokens cuts"`
	PerDoc       *int   `json:"max_tokens_per_doc,omitempty" nullable:"true" minimum:"0" doc:"A bound that every document must keep with its query, since none is cut by itself; 0: none"`
	PerQuery     *int   `json:"max_tokens_per_query,omitempty" nullable:"true" minimum:"0" doc:"A bound that every document must keep with its query; 0: none"`

	Fields      []string `json:"rank_fields,omitempty" nullable:"true" doc:"Must be text alone"`
	Instruction string   `json:"instruction,omitempty" nullable:"true" maxLength:"0" doc:"Refused: write it into the query"`
	Instruct    string   `json:"instruct,omitempty" nullable:"true" maxLength:"0" doc:"Refused: write it into the query"`
}

// RerankAnswer has the documents from the greatest relevance to the smallest.
type RerankAnswer struct {
	ID      string         `json:"id" doc:"Of the request"`
	Model   string         `json:"model" doc:"That answered"`
	Digest  string         `json:"digest" doc:"sha256 of its bundle's files"`
	Results []RerankResult `json:"results" nullable:"false" doc:"Best first"`
	Usage   RerankUsage    `json:"usage"`
	Meta    RerankMeta     `json:"meta"`
}

// RerankResult is a document's place.
type RerankResult struct {
	Index     int             `json:"index" doc:"Of the document in the request"`
	Relevance float64         `json:"relevance_score" doc:"The sigmoid of raw, or raw where the request asks for it; of an embedding model the similarity"`
	Document  *RerankDocument `json:"document,omitempty" doc:"Where the request asks for it"`
}

// RerankDocument is a document that comes back.
type RerankDocument struct {
	Text string `json:"text"`
}

// RerankUsage counts the tokens that were read, queries with each of their documents.
type RerankUsage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
}

// RerankMeta is what Cohere's clients read beside the results.
type RerankMeta struct {
	Version struct {
		Version string `json:"version"`
	} `json:"api_version"`
	Billed struct {
		Searches int `json:"search_units" doc:"One for every 100 documents, as Cohere counts them; nothing is billed"`
	} `json:"billed_units"`
	Tokens struct {
		Input int `json:"input_tokens"`
	} `json:"tokens"`
}

func (r *RerankRequest) decode(d *decoder) error { return object(d, &rerankForm, r) }

var rerankForm = form[RerankRequest]{
	lenient: true,
	fields: []field[RerankRequest]{
		orNull("model", func(d *decoder, r *RerankRequest) error { return d.text(&r.Model) }),
		{"query", true, func(d *decoder, r *RerankRequest) error { return d.passage((*string)(&r.Query)) }},
		{"documents", true, func(d *decoder, r *RerankRequest) error { return d.passages(&r.Documents) }},
		orNull("top_n", func(d *decoder, r *RerankRequest) error { return d.atLeast(&r.TopN, 0) }),
		orNull("return_documents", func(d *decoder, r *RerankRequest) error { return d.truth(&r.Return) }),
		orNull("raw_scores", func(d *decoder, r *RerankRequest) error { return d.truth(&r.Raw) }),
		orNull("use_activation", func(d *decoder, r *RerankRequest) error { return d.truth(&r.Activate) }),
		orNull("activation", func(d *decoder, r *RerankRequest) error { return d.truth(&r.Activation) }),
		orNull("softmax", func(d *decoder, r *RerankRequest) error { return d.truth(&r.Softmax) }),
		orNull("truncate", func(d *decoder, r *RerankRequest) error {
			return d.word(&r.Truncate, "error", "left", "right", "NONE", "START", "END")
		}),
		orNull("truncate_prompt_tokens", func(d *decoder, r *RerankRequest) error { return d.atLeast(&r.PromptTokens, -1) }),
		orNull("truncation_side", func(d *decoder, r *RerankRequest) error { return d.word(&r.Side, "left", "right") }),
		orNull("max_tokens_per_doc", func(d *decoder, r *RerankRequest) error { return d.atLeast(&r.PerDoc, 0) }),
		orNull("max_tokens_per_query", func(d *decoder, r *RerankRequest) error { return d.atLeast(&r.PerQuery, 0) }),
		orNull("rank_fields", func(d *decoder, r *RerankRequest) error { return d.rankFields(&r.Fields) }),
		orNull("instruction", func(d *decoder, r *RerankRequest) error { return d.instruction(&r.Instruction) }),
		orNull("instruct", func(d *decoder, r *RerankRequest) error { return d.instruction(&r.Instruct) }),
	},
	check: func(d *decoder, r *RerankRequest) error { return d.some(len(r.Documents), "documents", "document") },
}

// rankFields reads the fields of documents that are to be read, of which a model here reads one.
func (d *decoder) rankFields(into *[]string) error {
	if err := d.texts(into, ofRequest(d.limits.Params)); err != nil {
		return err
	}
	for _, name := range *into {
		if name != "text" {
			return d.invalid("%q is not read: of a document that is an object text is read alone; write the others into it", short(name))
		}
	}
	return nil
}

// instruction refuses what would have to be written around the query, which no model here is known to take so.
func (d *decoder) instruction(into *string) error {
	if err := d.text(into); err != nil {
		return err
	}
	if *into != "" {
		return d.invalid("no model takes one beside the query; write it into the query, as the model's card says")
	}
	return nil
}
