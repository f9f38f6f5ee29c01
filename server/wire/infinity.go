package wire

// InfinityTextsRequest is what clients of Infinity send to classify and to embed.
type InfinityTextsRequest struct {
	_        struct{} `additionalProperties:"true"`
	Model    string   `json:"model,omitempty" nullable:"true" doc:"default/not-specified means the one model that answers"`
	Input    Passages `json:"input" doc:"Texts, or one text"`
	Raw      *bool    `json:"raw_scores,omitempty" nullable:"true" doc:"classify: whether scores are raw values"`
	Encoding string   `json:"encoding_format,omitempty" nullable:"true" enum:"float,base64" doc:"embeddings: how a vector is written; numbers when left out"`
	Modality string   `json:"modality,omitempty" nullable:"true" enum:"text" doc:"embeddings: no model here reads images or sound"`
	Size     *int     `json:"dimensions,omitempty" nullable:"true" minimum:"0" maximum:"0" doc:"embeddings: vectors are not cut; must be 0"`
}

// InfinityHead is what all of Infinity's answers have.
type InfinityHead struct {
	Object  string      `json:"object" enum:"classify,rerank,list"`
	Model   string      `json:"model" doc:"That answered"`
	Digest  string      `json:"digest" doc:"sha256 of its bundle's files"`
	Usage   RerankUsage `json:"usage"`
	ID      string      `json:"id"`
	Created int64       `json:"created"`
}

// InfinityClassifyAnswer has the classes of each text, the greatest first.
type InfinityClassifyAnswer struct {
	InfinityHead
	Data [][]TEIPrediction `json:"data" nullable:"false"`
}

// InfinityRerankAnswer has the documents from the greatest relevance to the smallest.
type InfinityRerankAnswer struct {
	InfinityHead
	Results []InfinityRerankResult `json:"results" nullable:"false"`
}

// InfinityRerankResult is a document's place.
type InfinityRerankResult struct {
	Relevance float64 `json:"relevance_score" doc:"The sigmoid of raw, or raw where the request asks for it; of an embedding model the similarity"`
	Index     int     `json:"index" doc:"Of the document in the request"`
	Document  *string `json:"document" doc:"Where the request asks for it; else null"`
}

// InfinityEmbeddingsAnswer has the vector of each text, in order.
type InfinityEmbeddingsAnswer struct {
	InfinityHead
	Data []InfinityEmbedding `json:"data" nullable:"false"`
}

// InfinityEmbedding is a text's vector.
type InfinityEmbedding struct {
	Object    string `json:"object" enum:"embedding"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding" doc:"A list of numbers, or a text in base64"`
}

// InfinityModelsAnswer lists the models.
type InfinityModelsAnswer struct {
	Data   []InfinityModel `json:"data" nullable:"false"`
	Object string          `json:"object" enum:"list"`
}

// InfinityModel is a model and what waits for it.
type InfinityModel struct {
	ID           string        `json:"id"`
	Stats        InfinityStats `json:"stats"`
	Object       string        `json:"object" enum:"model"`
	Owner        string        `json:"owned_by" enum:"infinity" doc:"Its clients take no other word"`
	Backend      string        `json:"backend" doc:"What runs the graph"`
	Capabilities []string      `json:"capabilities" nullable:"false" doc:"Of classify, rerank and embed"`
}

// InfinityStats is what waits for a model.
type InfinityStats struct {
	Absolute int `json:"queue_absolute" doc:"Items that wait"`
	Pending  int `json:"results_pending" doc:"Items in the run in progress"`
}

func (r *InfinityTextsRequest) decode(d *decoder) error { return object(d, &infinityForm, r) }

var infinityForm = form[InfinityTextsRequest]{
	lenient: true,
	fields: []field[InfinityTextsRequest]{
		orNull("model", func(d *decoder, r *InfinityTextsRequest) error { return d.text(&r.Model) }),
		{"input", true, func(d *decoder, r *InfinityTextsRequest) error { return d.passages(&r.Input) }},
		orNull("raw_scores", func(d *decoder, r *InfinityTextsRequest) error { return d.truth(&r.Raw) }),
		orNull("encoding_format", func(d *decoder, r *InfinityTextsRequest) error { return d.word(&r.Encoding, "float", "base64") }),
		orNull("modality", func(d *decoder, r *InfinityTextsRequest) error { return d.word(&r.Modality, "text") }),
		orNull("dimensions", func(d *decoder, r *InfinityTextsRequest) error {
			if err := d.atLeast(&r.Size, 0); err != nil || *r.Size == 0 {
				return err
			}
			return d.invalid("%d are asked for, and a vector is not cut", *r.Size)
		}),
	},
	check: func(d *decoder, r *InfinityTextsRequest) error { return d.some(len(r.Input), "input", "text") },
}
