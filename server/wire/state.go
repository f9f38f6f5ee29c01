package wire

// ModelsAnswer is the answer of GET /v1/models. Clients of OpenAI's API read data, and those of TypeSafe's models.
type ModelsAnswer struct {
	Models []ModelInfo   `json:"models" nullable:"false"`
	Object string        `json:"object,omitempty" enum:"list"`
	Data   []OpenAIModel `json:"data,omitzero" nullable:"false" doc:"The same models in the form of OpenAI's API"`
}

// ModelAnswer is the answer of GET /v1/models/{model}. A recipe has the fields of OpenAI's API alone.
type ModelAnswer struct {
	OpenAIModel
	*ModelInfo
}

// ModelInfo is what can be known of a loaded model.
type ModelInfo struct {
	Name        string            `json:"name"`
	Kind        string            `json:"kind" doc:"reward, process, pair, preference, choice or embedding"`
	Family      string            `json:"family,omitempty" doc:"Of the exporter's families"`
	Answers     []string          `json:"answers" nullable:"false" doc:"The questions that it answers"`
	Description string            `json:"description"`
	Released    string            `json:"release_date" doc:"Empty: a bundle does not say when its model was released; clients of TypeSafe's API want a text"`
	Licence     string            `json:"licence"`
	Checkpoint  string            `json:"checkpoint,omitempty" doc:"That the bundle was made from"`
	Digest      string            `json:"digest" doc:"sha256 over the bundle's files"`
	Revision    int               `json:"revision" doc:"1 for the first model that was served under the name, and one more for each that took its place"`
	Labels      []string          `json:"labels" nullable:"false" doc:"Outputs, in order"`
	Dimensions  int               `json:"dimensions,omitempty" doc:"Numbers of a vector (embedding models), which have no labels"`
	Features    []string          `json:"features,omitempty" doc:"That every item has, by name, instead of text or tokens"`
	User        int               `json:"user,omitempty" doc:"Numbers of the user's vector that every item has beside its text or tokens"`
	Transforms  []string          `json:"transforms" nullable:"false" doc:"Applied to raw by the manifest, in order"`
	Layout      string            `json:"layout"`
	Precision   string            `json:"precision" doc:"Of the weights as stored; products are float32, of int8 weights int8, unless compute says otherwise. With compute, int8 and int4 are of linear layers, and others are as compute says"`
	Compute     *ComputeSpec      `json:"compute,omitempty" doc:"What a graph with an attention operator computes in"`
	Drift       *DriftSpec        `json:"drift,omitempty" doc:"What lower precision was seen to change"`
	Pooling     string            `json:"pooling"`
	BOS         string            `json:"bos" doc:"BOS that lead the ids: none, one or two"`
	End         string            `json:"end" doc:"Policy on the last token: keep, append or replace"`
	Template    bool              `json:"template" doc:"Whether messages and prompts are accepted"`
	Fields      map[string]string `json:"fields,omitempty" doc:"Further fields of an item that its template names, reference and principle, and whether each is required or optional"`
	Dated       bool              `json:"dated,omitempty" doc:"Whether the template writes today's date, so that scores follow the day"`
	Separator   string            `json:"separator,omitempty" doc:"The token that ends a step"`
	MaxTokens   int               `json:"max_tokens" doc:"Longest item accepted"`
	VocabSize   int64             `json:"vocab_size" doc:"Ids must be below it"`
	BatchTokens int               `json:"batch_tokens" doc:"Tokens of one forward, measured at load"`
	CacheBytes  int64             `json:"cache_bytes" doc:"Keys and values that may be kept; 0: none, or none can be"`
	Lanes       int               `json:"lanes" doc:"Forwards side by side, on one thread each, when much waits; 1: one at a time, on all threads"`
	Provider    string            `json:"provider" doc:"The execution provider in use"`
	Kernels     string            `json:"kernels,omitempty" doc:"The instructions by which processors multiply in a graph whose operators are of domain assay; absent where they do not"`
	Threads     int               `json:"threads" doc:"Of one forward"`
	Budget      Budget            `json:"budget" doc:"What one request may ask of it, beside the limits of each item"`
}

// Budget bounds one request.
type Budget struct {
	Items  int `json:"items" doc:"Sequences that are read"`
	Text   int `json:"text_bytes" doc:"Bytes of text as it is rendered, a prompt that items share in each"`
	Tokens int `json:"tokens" doc:"Of all items"`
	Steps  int `json:"steps" doc:"Of all items"`
	Cells  int `json:"cells" doc:"Numbers of the answer, by item, label, step, feature or pair of responses"`
}

// DriftSpec is what lower precision was seen to change.
type DriftSpec struct {
	Items int     `json:"items" doc:"Items scored with both graphs"`
	Max   float64 `json:"max" doc:"Largest difference of a score"`
	Mean  float64 `json:"mean" doc:"Mean difference of a score"`
	Pairs int     `json:"pairs" doc:"Pairs of items"`
	Order float64 `json:"order" doc:"Share of the pairs that keep their order"`
}

// ComputeSpec is what a graph computes in, and what that was seen to change.
type ComputeSpec struct {
	Type      string   `json:"type" doc:"Of its keys and values, and of its products but for those of int8 weights, which are int8: float32, float16 or bfloat16"`
	Tolerance float64  `json:"tolerance" doc:"What a golden pair's score may be off, times the score where that is above 1"`
	Score     *float64 `json:"score,omitempty" doc:"Of float16, bfloat16 and weights of int8 and int4: largest difference of a score from float32, relative above 1"`
	Order     *float64 `json:"order,omitempty" doc:"Likewise: share of the pairs of items that keep their order"`
	Items     int      `json:"items,omitempty" doc:"Likewise: items scored with both graphs"`
}

// AliveAnswer is the answer of GET /healthz.
type AliveAnswer struct {
	Alive bool `json:"alive"`
}

// ReadyAnswer is the answer of GET /readyz.
type ReadyAnswer struct {
	Ready  bool         `json:"ready"`
	Models []ReadyModel `json:"models" nullable:"false"`
}

// ReadyModel tells whether one model scores.
type ReadyModel struct {
	Model string   `json:"model"`
	Ready bool     `json:"ready"`
	Error *Problem `json:"error,omitempty" doc:"Why it is not ready"`
}

// NotReadyAnswer is the answer of GET /readyz where a model is not ready: a problem that tells of every model.
type NotReadyAnswer struct {
	ProblemDetails
	ReadyAnswer
}
