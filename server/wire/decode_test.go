package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decoded reads a text into a new form; the error is nil or an *Error.
func decoded[T any, F interface {
	*T
	Form
}](text string, limits Limits) (*T, *Error) {
	into := new(T)
	return into, refusal([]byte(text), F(into), limits)
}

// refusal is the error of a text under a form, nil when it is read.
func refusal(text []byte, into Form, limits Limits) *Error {
	var refused *Error
	if err := DecodeBody(text, into, limits); err != nil && !errors.As(err, &refused) {
		panic(err) // every error is an *Error
	}
	return refused
}

// forms gives a new form by the name that tests call it.
var forms = map[string]func() Form{
	"score":     func() Form { return new(ScoreRequest) },
	"steps":     func() Form { return new(StepsRequest) },
	"choose":    func() Form { return new(ChooseRequest) },
	"logprobs":  func() Form { return new(LogprobsRequest) },
	"tokenize":  func() Form { return new(TokenizeRequest) },
	"rank":      func() Form { return new(RankRequest) },
	"compare":   func() Form { return new(CompareRequest) },
	"embed":     func() Form { return new(EmbeddingsRequest) },
	"openrlhf":  func() Form { return new(OpenRLHFRequest) },
	"pooling":   func() Form { return new(PoolingRequest) },
	"classify":  func() Form { return new(ClassifyRequest) },
	"pairs":     func() Form { return new(PairsRequest) },
	"tokens":    func() Form { return new(GenerativeRequest) },
	"sglang":    func() Form { return new(SGLangRequest) },
	"sglscore":  func() Form { return new(SGLangScoreRequest) },
	"slime":     func() Form { return new(SlimeRequest) },
	"factory":   func() Form { return new(LLaMAFactoryRequest) },
	"openr":     func() Form { return new(OpenRRequest) },
	"openrat":   func() Form { return new(OpenRAddressRequest) },
	"rerank":    func() Form { return new(RerankRequest) },
	"tei":       func() Form { return new(TEIRequest) },
	"vertex":    func() Form { return new(TEIVertexRequest) },
	"teitok":    func() Form { return new(TEITokenizeRequest) },
	"teidec":    func() Form { return new(TEIDecodeRequest) },
	"nim":       func() Form { return new(RewardChatRequest) },
	"ranking":   func() Form { return new(RankingRequest) },
	"infinity":  func() Form { return new(InfinityTextsRequest) },
	"systemone": func() Form { return new(SystemOneRequest) },
	"decisions": func() Form { return new(DecisionsRequest) },
	"oip":       func() Form { return new(OIPRequest) },
	"gym":       func() Form { return new(GymVerify) },
	"gymrows":   func() Form { return new(GymVerifiedRows) },
	"evaluate":  func() Form { return new(EvaluateRequest) },
	"ors":       func() Form { return new(ORSGroup) },
	"grader":    func() Form { return new(GraderRequest) },
	"item":      func() Form { return new(Item) },
	"tokline":   func() Form { return new(TokenizeLine) },
	"rankline":  func() Form { return new(RankLine) },
	"cmpline":   func() Form { return new(CompareLine) },
	"fit":       func() Form { return new(FitLine) },
	"golden":    func() Form { return new(Golden) },
	"state":     func() Form { return new(StateRequest) },
	"stateread": func() Form { return new(StateRead) },
	"snapshot":  func() Form { return new(StateSnapshot) },
	"load":      func() Form { return new(LoadRequest) },
}

// TestRefusals: a text that breaks a rule is refused whole, by the code of the rule and with the path of its first
// breach.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for _, test := range []struct{ form, text, code, want string }{
		// Unknown, second and missing fields; case.
		{"score", `{"items":[{"text":"a"}],"x":1}`, CodeUnknownField, `x: unknown field`},
		{"score", `{"items":[{"text":"a"},{"txt":"b"}]}`, CodeUnknownField, `items[1].txt: unknown field; if text is meant, write it so`},
		{"score", `{"items":[{"text":"a"}],"params":{"a":1,"a":2}}`, CodeInvalidField, `params.a: given twice`},
		{"score", `{"items":[{"text":"a"}],"params":{"a":true}}`, CodeInvalidField, `params.a: expected number, string or array, got true`},
		{"score", `{"items":[{"text":"a"}],"params":{"a":["b",1]}}`, CodeInvalidField, `params.a[1]: expected string, got 1`},
		{"score", `{"items":[{"text":"a"}],"params":{"a":[1,"b"]}}`, CodeInvalidField, `params.a[1]: expected number, got "b"`},
		{"rank", `{"prompt":"p","responses":["a"],"given":[{"a":null}]}`, CodeInvalidField, `given[0].a: expected number, string or array, got null`},
		{"score", `{"Items":[{"text":"a"}]}`, CodeUnknownField, `Items: unknown field`},
		{"score", `{"items":[{"Text":"a"}]}`, CodeUnknownField, `items[0].Text: unknown field`},
		{"rank", `{"PROMPT":"p","responses":["a"]}`, CodeUnknownField, `PROMPT: unknown field`},
		{"score", `{"items":[{"text":"a","` + long + `":1}]}`, CodeUnknownField, `items[0].` + strings.Repeat("é", 40) + `…: unknown field`},
		{"score", `{"\ud800":1}`, CodeUnknownField, "\uFFFD: unknown field"},
		{"score", `{"items":[{"prompt":"a","response":"b"}],"items":[{"prompt":"c"}]}`, CodeInvalidField, `items: given twice`},
		{"score", `{"items":[{"text":"a","text":"a"}]}`, CodeInvalidField, `items[0].text: given twice`},
		{"score", `{"items":[{"text":"a","\u0074ext":"a"}]}`, CodeInvalidField, `items[0].text: given twice`},
		{"score", `{"items":[{"features":{"a":1,"b":2,"a":1}}]}`, CodeInvalidField, `items[0].features.a: given twice`},
		{"rank", `{"messages":[{"role":"user"}],"responses":["a"]}`, CodeInvalidField, `messages[0].content: is null or left out, which only a turn with tool_calls may be`},
		{"rank", `{"messages":[{"role":"user","content":null,"tool_calls":[]}],"responses":["a"]}`, CodeInvalidField, `messages[0].content: is null or left out`},
		{"rank", `{"messages":[{"role":"user","content":[{"type":"image_url"}]}],"responses":["a"]}`, CodeBadItem, `messages[0].content[0]: is a part of the type "image_url"`},
		{"score", `{"items":[{"messages":[{"role":"user","content":5}]}]}`, CodeInvalidField, `items[0].messages[0].content: expected string or array, got 5`},
		{"score", `{"items":[{"messages":[{"role":"user","content":[5]}]}]}`, CodeInvalidField, `items[0].messages[0].content[0]: expected object, got 5`},
		{"score", `{"items":[{"messages":[{"role":"user","content":[{"text":"a"}]}]}]}`, CodeInvalidField, `items[0].messages[0].content[0]: expected required property type to be present`},
		{"score", `{"items":[{"messages":[{"role":"user","content":"a","tool_calls":{}}]}]}`, CodeInvalidField, `items[0].messages[0].tool_calls: expected array, got an object`},
		{"score", `{"items":[{"messages":[{"role":"user","content":"a","weight":1}]}]}`, CodeUnknownField, `items[0].messages[0].weight: unknown field`},
		{"score", `{"items":[{"messages":[{"role":"user","content":"a","Content":"b"}]}]}`, CodeUnknownField, `items[0].messages[0].Content: unknown field`},
		{"score", `{"items":[{"messages":[{"role":"user","content":"a","name":7}]}]}`, CodeInvalidField, `items[0].messages[0].name: expected string, got 7`},
		{"score", `{"items":[{"messages":[{"content":"a"}]}]}`, CodeInvalidField, `items[0].messages[0]: expected required property role to be present`},
		{"score", `{"items":[{"messages":[{"role":"","content":"a"}]}]}`, CodeInvalidField, `items[0].messages[0].role: expected length >= 1, got ""`},
		{"compare", `{"pairs":[{"prompt":"p","rejected":"b"}]}`, CodeInvalidField, `pairs[0]: expected required property chosen to be present`},
		{"compare", `{"pairs":[{"prompt":"p","chosen":"b"}]}`, CodeInvalidField, `pairs[0]: expected required property rejected to be present`},
		{"openrlhf", `{"prompts":["a"]}`, CodeInvalidField, `body: expected required property query to be present`},
		{"openrlhf", `{"query":["a"],"query":["b"]}`, CodeInvalidField, `query: given twice`},
		{"rerank", `{"query":"q"}`, CodeInvalidField, `body: expected required property documents to be present`},
		{"rerank", `{"documents":["d"]}`, CodeInvalidField, `body: expected required property query to be present`},
		{"rerank", `{"query":null,"documents":["d"]}`, CodeInvalidField, `query: expected string or object with text, got null`},
		{"rerank", `{"query":"q","documents":null}`, CodeInvalidField, `documents: expected array, got null`},
		{"rerank", `{"query":"q","documents":["d",{"image":"x"}]}`, CodeInvalidField, `documents[1]: expected required property text to be present`},
		{"rerank", `{"query":"q","documents":["d",{"text":5}]}`, CodeInvalidField, `documents[1].text: expected string, got 5`},
		{"rerank", `{"query":"q","documents":["d",["e"]]}`, CodeInvalidField, `documents[1]: expected string or object with text, got an array`},
		{"rerank", `{"query":"q","documents":["d"],"top_n":-1}`, CodeInvalidField, `top_n: -1 is below 0`},
		{"rerank", `{"query":"q","documents":["d"],"truncate_prompt_tokens":-2}`, CodeInvalidField, `truncate_prompt_tokens: -2 is below -1`},
		{"rerank", `{"query":"q","documents":["d"],"rank_fields":["text","title"]}`, CodeInvalidField, `rank_fields: "title" is not read: of a document that is an object text is read alone; write the others into it`},
		{"rerank", `{"query":"q","documents":["d"],"instruction":"i"}`, CodeInvalidField, `instruction: no model takes one beside the query; write it into the query, as the model's card says`},
		{"tei", `{}`, CodeInvalidField, `body: expected required property inputs, or query with texts, to be present`},
		{"tei", `{"query":"q"}`, CodeInvalidField, `body: expected required property texts to be present beside query`},
		{"tei", `{"inputs":"a","query":"q","texts":["t"]}`, CodeInvalidField, `body: has inputs, which are predicted, and query or texts, which are ranked: give one of them`},
		{"tei", `{"inputs":null}`, CodeInvalidField, `inputs: expected string, array or object, got null`},
		{"tei", `{"inputs":["a","b","c"]}`, CodeInvalidField, `inputs: more than 2, the limit of an input, which is a text or a pair; of several each is a list of its own`},
		{"tei", `{"inputs":[]}`, CodeInvalidField, `inputs: must hold one text, or two`},
		{"tei", `{"inputs":[["a"],"b"]}`, CodeInvalidField, `inputs[1]: expected array, got "b"`},
		{"tei", `{"inputs":[["a"],[]]}`, CodeInvalidField, `inputs[1]: must hold one text, or two`},
		{"tei", `{"inputs":["a",["b"]]}`, CodeInvalidField, `inputs[1]: expected string, got an array`},
		{"tei", `{"inputs":{"source_sentence":"a"}}`, CodeInvalidField, `inputs: expected required property sentences to be present`},
		{"tei", `{"inputs":{"source_sentence":"a","sentences":[]}}`, CodeInvalidField, `inputs.sentences: must hold at least one text`},
		{"tei", `{"inputs":"a","truncation_direction":"up"}`, CodeInvalidField, `truncation_direction: "up" is none of left, Left, right, Right`},
		{"tei", `{"inputs":"a","parameters":{"function_to_apply":"tanh"}}`, CodeInvalidField, `parameters.function_to_apply: "tanh" is none of none, sigmoid, softmax`},
		{"tei", `{"inputs":"a","parameters":{"top_k":0}}`, CodeInvalidField, `parameters.top_k: 0 is below 1`},
		{"teitok", `{}`, CodeInvalidField, `body: expected required property inputs to be present`},
		{"teitok", `{"inputs":[]}`, CodeInvalidField, `inputs: must hold at least one text`},
		{"teitok", `{"inputs":"a","prompt_name":"q"}`, CodeInvalidField, `prompt_name: "q" is none: no model here has prompts by name; write it before the text`},
		{"teidec", `{"ids":[1,[2]]}`, CodeInvalidField, `ids[1]: expected integer, got an array`},
		{"teidec", `{"ids":[[1],2]}`, CodeInvalidField, `ids[1]: expected array, got 2`},
		{"vertex", `{"instances":[]}`, CodeInvalidField, `instances: must hold at least one request`},
		{"vertex", `{"instances":[{"inputs":"a"},{"query":5}]}`, CodeInvalidField, `instances[1].query: expected string, got 5`},
		{"nim", `{"model":"m"}`, CodeInvalidField, `body: expected required property messages to be present`},
		{"nim", `{"messages":[]}`, CodeInvalidField, `messages: must hold at least one turn`},
		{"nim", `{"messages":[{"role":"user","content":"u"}],"stream":true}`, CodeInvalidField, `stream: a reward is one answer, which is not streamed`},
		{"nim", `{"messages":[{"role":"user","content":"u"}],"n":2}`, CodeInvalidField, `n: a reward is one answer, and 2 are asked for`},
		{"ranking", `{"query":{"text":"q"},"passages":[{"image":"i"}]}`, CodeInvalidField, `passages[0]: expected required property text to be present`},
		{"ranking", `{"query":{"text":"q"},"passages":[{"text":"t"}],"truncate":"MID"}`, CodeInvalidField, `truncate: "MID" is none of NONE, START, END`},
		{"ranking", `{"query":"q","passages":[]}`, CodeInvalidField, `passages: must hold at least one passage`},
		{"infinity", `{"input":[]}`, CodeInvalidField, `input: must hold at least one text`},
		{"infinity", `{"input":["a"],"modality":"image"}`, CodeInvalidField, `modality: "image" is none of text`},
		{"infinity", `{"input":["a"],"dimensions":8}`, CodeInvalidField, `dimensions: 8 are asked for, and a vector is not cut`},
		{"rerank", `{"query":"q","documents":["d"],"raw_scores":"yes"}`, CodeInvalidField, `raw_scores: expected boolean, got "yes"`},
		{"oip", `{}`, CodeInvalidField, `body: expected required property inputs to be present`},
		{"oip", `{"inputs":[{"name":"a","shape":[1]}]}`, CodeInvalidField, `inputs[0]: expected required property datatype to be present`},
		{"oip", `{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":["a",[1]]}]}`, CodeInvalidField, `inputs[0].data: holds texts and numbers`},
		{"oip", `{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":[0.5]}]}`, CodeInvalidField, `inputs[0].data[0]: expected integer, got 0.5`},
		{"oip", `{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":[[null]]}]}`, CodeInvalidField, `inputs[0].data[0][0]: expected string, integer or array, got null`},
		{"oip", `{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":"a"}]}`, CodeInvalidField, `inputs[0].data: expected array, got "a"`},
		{"oip", `{"inputs":[{"name":"a","shape":[1],"datatype":"BYTES","data":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}]}`, CodeInvalidField, `inputs[0].data[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: lists within each other: more than 16, the limit of a tensor`},
		{"oip", `{"parameters":{"a":[]},"inputs":[]}`, CodeInvalidField, `parameters.a: expected boolean, number or string, got an array`},
		{"oip", `{"inputs":[],"outputs":[{}]}`, CodeInvalidField, `outputs[0]: expected required property name to be present`},
		{"gym", `{"response":{"output":[]}}`, CodeInvalidField, `body: expected required property responses_create_params to be present`},
		{"gym", `{"responses_create_params":{},"response":{"output":[]}}`, CodeInvalidField, `responses_create_params: expected required property input to be present`},
		{"gym", `{"responses_create_params":{"input":[]},"response":{}}`, CodeInvalidField, `response: expected required property output to be present`},
		{"gym", `{"responses_create_params":{"input":[{"role":"user","content":5}]}}`, CodeInvalidField, `responses_create_params.input[0].content: expected array, got 5`},
		{"gym", `{"responses_create_params":{"input":[{"role":"user","content":[{"type":"input_image"}]}]}}`, CodeInvalidField, `responses_create_params.input[0].content[0]: expected required property text to be present`},
		{"gymrows", `{"verify_responses":[{"a":1,"a":2}]}`, CodeInvalidField, `verify_responses[0].a: given twice`},
		{"grader", `{}`, CodeInvalidField, `body: expected required property grader to be present`},
		{"grader", `{"grader":{"name":"g"}}`, CodeInvalidField, `grader: expected required property type to be present`},
		{"grader", `{"grader":{"type":"t","input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]}}`, CodeInvalidField, `grader.input[0].content[0]: expected required property text to be present`},
		{"grader", `{"grader":{"type":"t","range":[0,1,2]}}`, CodeTooLong, `grader.range: more than 2, the limit of an item`},
		{"ors", `{"candidates":[]}`, CodeInvalidField, `candidates: must hold at least one candidate`},
		{"ors", `{"candidates":[{"messages":[{"role":"user"}]}]}`, CodeInvalidField, `candidates[0].messages[0]: expected required property blocks to be present`},
		{"ors", `{"candidates":[{"messages":[{"role":"user","blocks":"a"}]}]}`, CodeInvalidField, `candidates[0].messages[0].blocks: expected array, got "a"`},
		{"evaluate", `{}`, CodeInvalidField, `body: expected required property messages to be present`},
		{"evaluate", `{"messages":[]}`, CodeInvalidField, `messages: must hold at least one turn`},
		{"evaluate", `{"messages":[{"role":"user","content":"a"}],"kwargs":[]}`, CodeInvalidField, `kwargs: expected object, got an array`},
		{"gymrows", `{"verify_responses":[5]}`, CodeInvalidField, `verify_responses[0]: expected object, got 5`},
		{"fit", `{"prompt":"p","chosen":"a"}`, CodeInvalidField, `body: expected required property rejected to be present`},

		{"state", `{"kind":"running","keys":1,"keys":2}`, CodeInvalidField, `keys: given twice`},
		{"state", `{"kind":"running","widht":1}`, CodeUnknownField, `widht: unknown field`},
		{"state", `{}`, CodeInvalidField, `body: expected one of kind, updates, reset and forget, got 0`},
		{"state", `{"reset":false}`, CodeInvalidField, `body: expected one of kind, updates, reset and forget, got 0`},
		{"state", `{"kind":"running","reset":true}`, CodeInvalidField, `body: expected one of kind, updates, reset and forget, got 2`},
		{"state", `{"updates":[{"seen":1}],"reset":true}`, CodeInvalidField, `body: expected one of kind, updates, reset and forget, got 2`},
		{"state", `{"keys":1,"reset":true}`, CodeInvalidField, `body: the parameters of a declaration need kind beside them`},
		{"state", `{"updates":[{"key":"a","prompt":"b","seen":1}]}`, CodeInvalidField, `updates[0]: key and prompt are two ways to name a key`},
		{"state", `{"updates":[{"pairs":[{"chosen":[1]}]}]}`, CodeInvalidField, `updates[0].pairs[0]: expected required property rejected to be present`},
		{"snapshot", `{"spec":{},"cells":[]}`, CodeInvalidField, `spec: expected required property kind to be present`},
		{"snapshot", `{"cells":[]}`, CodeInvalidField, `body: expected required property spec to be present`},

		// What comes back.
		{"score", `{"items":[{"text":"a","id":1.0}]}`, CodeInvalidField, `items[0].id: expected string or integer, got 1.0`},
		{"score", `{"items":[{"text":"a","id":1e2}]}`, CodeInvalidField, `items[0].id: expected string or integer, got 1e2`},
		{"score", `{"items":[{"text":"a","id":true}]}`, CodeInvalidField, `items[0].id: expected string or integer, got true`},
		{"score", `{"items":[{"text":"a","id":["b"]}]}`, CodeInvalidField, `items[0].id: expected string or integer, got an array`},
		{"score", `{"items":[{"text":"a","metadata":1,"metadata":1}]}`, CodeInvalidField, `items[0].metadata: given twice`},
		{"score", `{"items":[{"text":"a","metadata":{"a":}}]}`, CodeBadJSON, `at byte 39: missing value`},
		{"score", `{"items":[{"text":"a"}],"id":1}`, CodeUnknownField, `id: unknown field`},
		{"rank", `{"prompt":"p","responses":["a","b"],"tags":[{"id":1}]}`, CodeInvalidField, `tags: is of 1 responses, and there are 2`},
		{"rank", `{"prompt":"p","responses":["a"],"tags":[]}`, CodeInvalidField, `tags: is of 0 responses, and there are 1`},
		{"rank", `{"prompt":"p","responses":["a"],"tags":[null]}`, CodeInvalidField, `tags[0]: expected object, got null`},
		{"rank", `{"prompt":"p","responses":["a"],"tags":[{"ID":1}]}`, CodeUnknownField, `tags[0].ID: unknown field`},
		{"compare", `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}],"tags":[{}]}`, CodeInvalidField, `tags: is of 1 responses, and there are 0`},
		{"embed", `{"input":"a","tags":[{},{}]}`, CodeInvalidField, `tags: is of 2 texts, and there are 1`},

		// Empty lists.
		{"state", `{"updates":[]}`, CodeInvalidField, `updates: must hold at least one update`},
		{"state", `{"forget":[]}`, CodeInvalidField, `forget: must hold at least one key`},
		{"state", `{"kind":"running","expect_version":1}`, CodeInvalidField, `body: a declaration has no expect_version`},
		{"stateread", `{"queries":[]}`, CodeInvalidField, `queries: must hold at least one query`},
		{"score", `{}`, CodeInvalidField, `items: must hold at least one item`},
		{"rerank", `{"query":"q","documents":[]}`, CodeInvalidField, `documents: must hold at least one document`},
		{"steps", `{"items":[]}`, CodeInvalidField, `items: must hold at least one item`},
		{"tokenize", `{"model":"m"}`, CodeInvalidField, `items: must hold at least one item`},
		{"rank", `{"prompt":"p","responses":[]}`, CodeInvalidField, `responses: must hold at least one response`},
		{"compare", `{"prompt":"p","responses":["a"]}`, CodeInvalidField, `responses: must hold at least two responses, unless pairs are given`},
		{"compare", `{"prompt":"p"}`, CodeInvalidField, `responses: must hold at least two responses, unless pairs are given`},
		{"compare", `{"pairs":[]}`, CodeInvalidField, `pairs: must hold at least one pair`},
		{"compare", `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}],"responses":[]}`, CodeInvalidField, `responses: must hold at least two responses, unless pairs are given`},

		// Wrong types.
		{"score", `[]`, CodeInvalidField, `body: expected object, got an array`},
		{"score", `"a"`, CodeInvalidField, `body: expected object, got "a"`},
		{"score", `{"items":"a"}`, CodeInvalidField, `items: expected array, got "a"`},
		{"score", `{"items":{}}`, CodeInvalidField, `items: expected array, got an object`},
		{"score", `{"items":[1,1,1]}`, CodeInvalidField, `items[0]: expected object, got 1`},
		{"score", `{"items":[{"text":"a"},{"text":5}]}`, CodeInvalidField, `items[1].text: expected string, got 5`},
		{"score", `{"items":[{"text":["a"]}]}`, CodeInvalidField, `items[0].text: expected string, got an array`},
		{"score", `{"items":[{"input_ids":[1,2.5]}]}`, CodeInvalidField, `items[0].input_ids[1]: expected integer, got 2.5`},
		{"score", `{"items":[{"input_ids":[1e30]}]}`, CodeInvalidField, `items[0].input_ids[0]: expected integer, got 1e30`},
		{"score", `{"items":[{"input_ids":[9223372036854775808]}]}`, CodeInvalidField, `items[0].input_ids[0]: expected integer, got 9223372036854775808`},
		{"score", `{"items":[{"input_ids":""}]}`, CodeInvalidField, `items[0].input_ids: expected array, got ""`},
		{"score", `{"items":[{"input_ids":["",""]}]}`, CodeInvalidField, `items[0].input_ids[0]: expected integer, got ""`},
		{"score", `{"items":[{"user":[0.5,true]}]}`, CodeInvalidField, `items[0].user[1]: expected number, got true`},
		{"score", `{"items":[{"features":{"a":"1"}}]}`, CodeInvalidField, `items[0].features.a: expected number, got "1"`},
		{"score", `{"items":[{"features":[1]}]}`, CodeInvalidField, `items[0].features: expected object, got an array`},
		{"score", `{"items":[{"text":"a"}],"timeout_ms":1.5}`, CodeInvalidField, `timeout_ms: expected integer, got 1.5`},
		{"steps", `{"items":[{"prompt":"p","steps":["a",7]}]}`, CodeInvalidField, `items[0].steps[1]: expected string, got 7`},
		{"steps", `{"items":[{"prompt":"p","steps":"a"}]}`, CodeInvalidField, `items[0].steps: expected array, got "a"`},
		{"openrlhf", `{"query":["a",5]}`, CodeInvalidField, `query[1]: expected string, got 5`},
		{"fit", `{"prompt":"p","chosen":1,"rejected":"a"}`, CodeInvalidField, `chosen: expected string or object, got 1`},
		{"fit", `{"chosen":{"text":"a"},"rejected":{"txt":"b"}}`, CodeUnknownField, `rejected.txt: unknown field`},
		{"golden", `{"item":{"text":"a"},"ids":[[1],[2],[3]]}`, CodeTooLong, `ids: more than 2, the limit of an item`},
		{"golden", `{"item":{"text":"a"},"ids":[1,[2]]}`, CodeInvalidField, `ids[1]: expected integer, got an array`},
		{"golden", `{"item":{"text":"a"},"read":[-1]}`, CodeInvalidField, `read[0]: -1 is below 0`},
		{"score", `{"items":["` + long + `"]}`, CodeInvalidField, `items[0]: expected object, got "` + strings.Repeat("é", 40) + `…"`},

		// Nulls.
		{"score", `null`, CodeInvalidField, `body: expected object, got null`},
		{"score", `{"items":null}`, CodeInvalidField, `items: expected array, got null`},
		{"score", `{"items":[null]}`, CodeInvalidField, `items[0]: expected object, got null`},
		{"score", `{"model":null,"items":[{"text":"a"}]}`, CodeInvalidField, `model: expected string, got null`},
		{"score", `{"items":[{"text":null}]}`, CodeInvalidField, `items[0].text: expected string, got null`},
		{"score", `{"items":[{"reference":null}]}`, CodeInvalidField, `items[0].reference: expected string, got null`},
		{"score", `{"items":[{"text":"a","principle":["b"]}]}`, CodeInvalidField, `items[0].principle: expected string, got an array`},
		{"rank", `{"prompt":"p","responses":["a"],"reference":null}`, CodeInvalidField, `reference: expected string, got null`},
		{"score", `{"items":[{"messages":null}]}`, CodeInvalidField, `items[0].messages: expected array, got null`},
		{"score", `{"items":[{"messages":[null]}]}`, CodeInvalidField, `items[0].messages[0]: expected object, got null`},
		{"score", `{"items":[{"input_ids":null}]}`, CodeInvalidField, `items[0].input_ids: expected array, got null`},
		{"score", `{"items":[{"input_ids":[1,null]}]}`, CodeInvalidField, `items[0].input_ids[1]: expected integer, got null`},
		{"score", `{"items":[{"text":"a","user":[null]}]}`, CodeInvalidField, `items[0].user[0]: expected number, got null`},
		{"score", `{"items":[{"features":null}]}`, CodeInvalidField, `items[0].features: expected object, got null`},
		{"score", `{"items":[{"features":{"a":null}}]}`, CodeInvalidField, `items[0].features.a: expected number, got null`},
		{"steps", `{"items":[{"text":"a"}],"threshold":null}`, CodeInvalidField, `threshold: expected number, got null`},
		{"rank", `{"prompt":"p","responses":["a",null]}`, CodeInvalidField, `responses[1]: expected string, got null`},
		{"rank", `{"prompt":"p","responses":["a"],"user":null}`, CodeInvalidField, `user: expected array, got null`},
		{"compare", `{"prompt":"p","responses":null}`, CodeInvalidField, `responses: expected array, got null`},
		{"compare", `{"pairs":[{"prompt":"p","chosen":null,"rejected":"b"}]}`, CodeInvalidField, `pairs[0].chosen: expected string, got null`},
		{"openrlhf", `{"query":null}`, CodeInvalidField, `query: expected array, got null`},
		{"openrlhf", `{"query":["a",null]}`, CodeInvalidField, `query[1]: expected string, got null`},
		{"golden", `{"item":null}`, CodeInvalidField, `item: expected object, got null`},

		{"state", `{"updates":[null]}`, CodeInvalidField, `updates[0]: expected object, got null`},
		{"state", `{"kind":null}`, CodeInvalidField, `kind: expected string, got null`},
		{"stateread", `{"queries":[{"prompt":null}]}`, CodeInvalidField, `queries[0].prompt: expected string, got null`},
		{"snapshot", `{"spec":{"kind":"running"},"cells":[{"key":"a","value":null}]}`, CodeInvalidField, `cells[0].value: expected object, got null`},

		// Words and ranges.
		{"state", `{"kind":"runner"}`, CodeInvalidField, `kind: "runner" is none of running, quantiles, labels, multipliers, users, neighbours`},
		{"state", `{"kind":"quantiles","seed":-1}`, CodeInvalidField, `seed: -1 is below 0`},
		{"state", `{"updates":[{"values":[1e999]}]}`, CodeInvalidField, `updates[0].values[0]: 1e999 is beyond the range of numbers`},
		{"snapshot", "{\"spec\":{\"kind\":\"running\"},\"cells\":[{\"key\":\"a\",\"value\":{\"x\":\"\xff\"}}]}", CodeBadJSON, `cells[0].value: is not Unicode`},
		{"score", `{"items":[{"text":"is it empty?"}],"truncate":""}`, CodeInvalidField, `truncate: "" is none of error, left, right`},
		{"score", `{"items":[{"text":"is it null?"}],"truncate":""}`, CodeInvalidField, `truncate: "" is none of error, left, right`},
		{"score", `{"activation":"` + long + `"}`, CodeInvalidField, `activation: "` + strings.Repeat("é", 40) + `…" is none of none, sigmoid, softmax`},
		{"score", `{"on_error":"skip"}`, CodeInvalidField, `on_error: "skip" is none of item, fail`},
		{"score", `{"explain":"all"}`, CodeInvalidField, `explain: "all" is none of gradient`},
		{"rank", `{"strategy":"vote"}`, CodeInvalidField, `strategy: "vote" is none of best_of_n, top_n, top_share, `},
		{"rank", `{"share":0}`, CodeInvalidField, `share: 0 is not above 0 and at most 1`},
		{"rank", `{"share":1.5}`, CodeInvalidField, `share: 1.5 is not above 0 and at most 1`},
		{"rank", `{"seed":-1}`, CodeInvalidField, `seed: -1 is below 0`},
		{"rank", `{"seed":1.5}`, CodeInvalidField, `seed: expected integer, got 1.5`},
		{"rank", `{"seed":9223372036854775808}`, CodeInvalidField, `seed: expected integer, got 9223372036854775808`},
		{"rank", `{"power":17}`, CodeInvalidField, `power: 17 is not above 0 and at most 16`},
		{"rank", `{"statistics":1}`, CodeInvalidField, `statistics: expected boolean, got 1`},
		{"rank", `{"answers":["a",null]}`, CodeInvalidField, `answers[1]: expected string, got null`},
		{"compare", `{"aggregate":"elo"}`, CodeInvalidField, `aggregate: expected array, got "elo"`},
		{"compare", `{"aggregate":["elo","borda"]}`, CodeInvalidField, `aggregate[1]: "borda" is none of win_rate, copeland, bradley_terry, elo, nash`},
		{"compare", `{"elo_scale":1000001}`, CodeInvalidField, `elo_scale: 1.000001e+06 is not above 0 and at most 1e+06`},
		{"compare", `{"statistics":null}`, CodeInvalidField, `statistics: expected boolean, got null`},
		{"rank", `{"n":-1}`, CodeInvalidField, `n: -1 is below 0`},
		{"score", `{"timeout_ms":-1}`, CodeInvalidField, `timeout_ms: -1 is not between 0 and 3600000`},
		{"score", `{"timeout_ms":3600001}`, CodeInvalidField, `timeout_ms: 3600001 is not between 0 and 3600000`},
		{"steps", `{"threshold":1e999}`, CodeInvalidField, `threshold: 1e999 is beyond the range of numbers`},
		{"score", `{"items":[{"features":{"a":-1e400}}]}`, CodeInvalidField, `items[0].features.a: -1e400 is beyond the range of numbers`},

		// What is no JSON, or more than one value.
		{"score", ``, CodeBadJSON, `the body is empty`},
		{"score", " \n", CodeBadJSON, `the body is empty`},
		{"score", `{"items":[{"text":"a"}]`, CodeBadJSON, `the body ends inside its JSON value`},
		{"score", `{"items":[{"text":"a`, CodeBadJSON, `the body ends inside its JSON value`},
		{"score", `{"items":`, CodeBadJSON, `the body ends inside its JSON value`},
		{"score", `{"items":[{"text":"a"}]} {}`, CodeBadJSON, `the body goes on after its JSON value, at byte 26`},
		{"score", `{"items":[{"text":"a"}]},`, CodeBadJSON, `the body goes on after its JSON value, at byte 25`},
		{"score", `nonsense`, CodeBadJSON, `at byte 2: invalid character 'o' in literal null`},
		{"score", `{"items":[{"text":"a",}]}`, CodeBadJSON, `at byte 22: invalid character`},
		{"score", `{"items":[{"text" "a"}]}`, CodeBadJSON, `at byte 19: invalid character`},
		{"score", `{"items":[{"text":"a"]}`, CodeBadJSON, `at byte 22: invalid character`},
		{"score", `{"items":[{"text":"a"},]}`, CodeBadJSON, `at byte 23: invalid character`},
		{"score", `{items:[]}`, CodeBadJSON, `at byte 2: invalid character`},
		{"score", `{[]:1}`, CodeBadJSON, `at byte 2: `},
		{"score", `{"items":[{"text":'a'}]}`, CodeBadJSON, `at byte 19: invalid character`},
		{"score", `{"items":[{"text":"\x"}]}`, CodeBadJSON, `at byte 20: invalid escape sequence`},
		{"score", `{"items":[{"input_ids":[01]}]}`, CodeBadJSON, `at byte 26: invalid character`},
		{"score", `{"items":[{"input_ids":[NaN]}]}`, CodeBadJSON, `at byte 25: invalid character`},
		{"score", "{\"items\":[{\"text\":\"a\nb\"}]}", CodeBadJSON, `at byte 21: invalid character`},
		{"score", "\xff", CodeBadJSON, `at byte 1: invalid character`},
		{"score", "{\"items\":[\xff{\"text\":\"a\"}]}", CodeBadJSON, `at byte 11: invalid character`},
		{"score", "\ufeff{}", CodeBadJSON, `at byte 1: invalid character`},
	} {
		err := refusal([]byte(test.text), forms[test.form](), Limits{})
		if err == nil || err.Code != test.code || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s %.60s: %v, want %s %s", test.form, test.text, err, test.code, test.want)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s %.60s: an error of %d bytes", test.form, test.text, len(err.Error()))
		}
	}
}

// TestWordsOfLines: the same rules hold for a line, which is called one.
func TestWordsOfLines(t *testing.T) {
	for text, want := range map[string]string{
		``:               "the line is empty",
		`[]`:             "line: expected object, got an array",
		`{"text":"a"} x`: "the line goes on after its JSON value, at byte 14",
		`{"text":"a"`:    "the line ends inside its JSON value",
		`{"promt":"a"}`:  "promt: unknown field",
	} {
		if err := DecodeLine([]byte(text), new(Item), Limits{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestWhatIsThereIsRead(t *testing.T) {
	const item = `{"messages":[{"role":"tool","content":""}],"prompt":"a\n\"é\u00e9\ud83d\ude00","response":"","text":"<&>","input_ids":[0,-1,9223372036854775807],
		"steps":["a",""],"separator":"\n","reference":"","principle":"\n","features":{"a":1,"":-2.5e-3},"given":{"n":-1,"w":"é","v":[1,2.5],"t":["a",""],"e":[]},"user":[0.1,1e2,-0]}`
	want := Item{
		Messages: []Message{{Role: "tool"}}, Prompt: new("a\n\"éé😀"), Response: new(""), Text: new("<&>"), InputIDs: []int64{0, -1, 9223372036854775807},
		Steps: []string{"a", ""}, Separator: new("\n"), Reference: new(""), Principle: new("\n"),
		Features: map[string]float64{"a": 1, "": -0.0025}, User: []float64{0.1, 100, 0},
		Given: Settings{"n": -1.0, "w": "é", "v": []float64{1, 2.5}, "t": []string{"a", ""}, "e": []float64{}},
	}
	score, err := decoded[ScoreRequest](`{"model":"m","truncate":"left","timeout_ms":3600000,"activation":"softmax","label":"l","explain":"gradient","params":{"alpha":0.5,"mode":"code"},"recipe":"r: 1","expect_digest":"sha256:0","on_error":"fail","items":[`+item+`,{}]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	all := ScoreRequest{Common: Common{"m", "left", 3600000, Settings{"alpha": 0.5, "mode": "code"}, "r: 1", "sha256:0", "fail", nil}, Scoring: Scoring{"softmax", "l"}, Items: []Item{want, {}}, Explain: "gradient"}
	if diff := cmp.Diff(&all, score); diff != "" {
		t.Errorf("score (-want +got):\n%s", diff)
	}
	prompted := Prompted{Prompt: new("p"), Messages: []Message{{Role: "user", Content: Content{Text: "u"}}}, User: []float64{1}, Reference: new("r"), Principle: new(""), Separator: new("\n")}
	const shared = `"prompt":"p","messages":[{"role":"user","content":"u"}],"user":[1],"reference":"r","principle":"","separator":"\n"`
	check(t, `{`+shared+`,"responses":["a","b"],"given":[{"a":1},{}],"strategy":"best_of_n","n":1}`,
		&RankRequest{Prompted: prompted, Responses: []string{"a", "b"}, Given: []Settings{{"a": 1.0}, {}}, Selecting: Selecting{Strategy: "best_of_n", N: 1}})
	check(t, `{"label":"l",`+shared+`,"responses":["a","b"],"given":[]}`, &CompareRequest{Label: "l", Prompted: prompted, Responses: []string{"a", "b"}, Given: []Settings{}})
	check(t, `{"pairs":[{`+shared+`,"chosen":"a","rejected":"b","given":[{"x":"y"},{}]}]}`,
		&CompareRequest{Pairs: []Pair{{Prompted: prompted, Chosen: new("a"), Rejected: new("b"), Given: []Settings{{"x": "y"}, {}}}}})
	check(t, `{"responses":["a"],"strategy":"majority","share":0.5,"seed":9223372036854775807,"power":16,"answers":[""],"statistics":true}`, &RankRequest{
		Responses: []string{"a"},
		Selecting: Selecting{"majority", 0, new(0.5), new(int64(9223372036854775807)), new(16.0), []string{""}, true},
	})
	check(t, `{"responses":["a","b"],"aggregate":["nash","elo"],"elo_scale":500,"statistics":false}`,
		&CompareRequest{Responses: []string{"a", "b"}, Summing: Summing{[]string{"nash", "elo"}, new(500.0), false}})
	check(t, `{"items":[{"text":"t"}],"threshold":0}`, &StepsRequest{Items: []Item{{Text: new("t")}}, Threshold: new(0.0)})
	check(t, `{"items":[{"text":"t"}],"threshold":2,"activation":"none"}`,
		&TokenizeRequest{Scoring: Scoring{Activation: "none"}, Items: []Item{{Text: new("t")}}, Threshold: new(2.0)})
	check(t, `{"labels":[{"a":[null,"\ud800"]},null],"future":{"x":1,"x":2},"query":["a",""],"prompts":null,"Query":[null]}`,
		&OpenRLHFRequest{Query: []string{"a", ""}})
	check(t, `{"items":[{"prompt":"p","candidates":["a"]},{"text":"t"}],"candidates":["y","n"]}`, &ChooseRequest{
		Items: []Item{{Prompt: new("p"), Candidates: []string{"a"}}, {Text: new("t")}}, Candidates: []string{"y", "n"},
	})
	check(t, `{"query":[]}`, &OpenRLHFRequest{Query: []string{}})
	check(t, `{"model":null,"input":"a","truncate_prompt_tokens":null,"truncation_side":null,"use_activation":null,"softmax":false,"request_id":"r","normalize":false,"dimensions":null,"user":"u","encoding_format":"base64"}`,
		&PoolingRequest{Pooler: Pooler{Softmax: new(false), RequestID: "r"}, Input: Inputs{Texts: []string{"a"}, Single: true}, Encoding: "base64"})
	check(t, `{"input":[[1,2],[]],"task":"embed","embed_dtype":"float32","endianness":"big"}`,
		&PoolingRequest{Input: Inputs{IDs: [][]int64{{1, 2}, {}}}, Task: "embed", Dtype: "float32", Endianness: "big"})
	check(t, `{"messages":[{"role":"user","content":"a"}],"reference":"r","principle":"","chat_template_kwargs":{},"continue_final_message":false}`,
		&ClassifyRequest{Conversing: Conversing{Messages: []Message{{Role: "user", Content: Content{Text: "a"}}}, Reference: new("r"), Principle: new("")}})
	check(t, `{"input":[7],"truncate_prompt_tokens":-1,"truncation_side":"left","activation":true,"use_activation":true}`,
		&ClassifyRequest{Pooler: Pooler{TruncatePromptTokens: new(int64(-1)), TruncationSide: "left", Activation: new(true), UseActivation: new(true)}, Input: Inputs{IDs: [][]int64{{7}}, Single: true}})
	check(t, `{"text_1":"a","text_2":["b",""],"documents":null,"instruction":null,"max_tokens_per_doc":0}`,
		&PairsRequest{Text1: SideTexts{Texts: []string{"a"}, Single: true}, Text2: SideTexts{Texts: []string{"b", ""}}})
	check(t, `{"text":["a"],"input_ids":null,"rid":["x"],"priority":1,"lora_path":null}`,
		&SGLangRequest{Text: PairedInputs{Inputs: Inputs{Texts: []string{"a"}}}, RID: SideTexts{Texts: []string{"x"}}})
	check(t, `{"text":[["p","r"]],"model":null}`, &SGLangRequest{Text: PairedInputs{Pairs: [][]string{{"p", "r"}}}})
	check(t, `{"input_ids":[1,2],"rid":"x"}`, &SGLangRequest{IDs: Inputs{IDs: [][]int64{{1, 2}}, Single: true}, RID: SideTexts{Texts: []string{"x"}, Single: true}})
	check(t, `{"query":"q","items":"a","label_token_ids":[[1,2]],"temperature":2,"apply_softmax":true,"score_extraction_token":null}`, &SGLangScoreRequest{
		Query: Inputs{Texts: []string{"q"}, Single: true}, Items: Inputs{Texts: []string{"a"}, Single: true},
		Labels: LabelLists{Each: [][]int64{{1, 2}}}, Temperature: new(2.0), Softmax: new(true),
	})
	check(t, `{"prompt":"p","response":"r","label":{"a":1}}`, &SlimeRequest{Prompt: Turns{Text: new("p")}, Response: new("r")})
	check(t, `{"prompt":[{"role":"user","content":"p"}],"response":"","label":"l"}`,
		&SlimeRequest{Prompt: Turns{Messages: []Message{{Role: "user", Content: Content{Text: "p"}}}}, Response: new(""), Label: new("l")})
	check(t, `{"model":"model","messages":["a"],"max_length":null}`, &LLaMAFactoryRequest{Model: "model", Messages: []string{"a"}})
	check(t, `{"input_str":"a ки"}`, &OpenRRequest{Input: SideTexts{Texts: []string{"a ки"}, Single: true}, Single: true})
	check(t, `{"Q":"q","A":["a","b"],"format":"{question} {answer}","prm_step_tag":"ки"}`, &OpenRRequest{
		Question: SideTexts{Texts: []string{"q"}, Single: true}, Answer: SideTexts{Texts: []string{"a", "b"}}, Tag: "ки",
	})
	check(t, `{"model":"m"}`, &OpenRAddressRequest{Model: "m"})
	check(t, `{"query":[1],"items":[[2],[3,4]],"label_token_ids":[9],"apply_softmax":false,"item_first":true,"priority":3}`, &GenerativeRequest{
		Query: Inputs{IDs: [][]int64{{1}}, Single: true}, Items: Inputs{IDs: [][]int64{{2}, {3, 4}}}, Labels: []int64{9}, Softmax: new(false), ItemFirst: new(true),
	})
	check(t, `{"grader":{"type":"score_model","name":"g","model":"m","input":[{"role":"user","content":"a"},{"role":"user","content":{"type":"input_text","text":"b"}},{"role":"user","content":[{"text":"c"},{"text":"d"}]}],
		"range":[0,1],"sampling_params":{"seed":1}},"model_sample":"s","item":{ "a" : 1 }}`,
		&GraderRequest{
			Grader: Grader{Type: "score_model", Name: "g", Model: "m", Input: []GraderTurn{{Role: "user", Content: "a"}, {Role: "user", Content: "b"}, {Role: "user", Content: "cd"}}, Range: []float64{0, 1}},
			Sample: "s", Item: []byte(`{"a":1}`),
		})
	check(t, `{"grader":{"type":"string_check","input":"a","reference":"b","operation":"eq"}}`,
		&GraderRequest{Grader: Grader{Type: "string_check", Input: "a", Reference: "b", Operation: "eq"}})
	check(t, `{"task_id":"t","candidates":[{"metadata":{"a":1},"messages":[{"role":"user","detail":null,"blocks":[{"type":"text","text":"a","detail":null}]}]}]}`,
		&ORSGroup{Candidates: []ORSCandidate{{Messages: []ORSTurn{{Role: "user", Blocks: []ORSBlock{{Type: "text", Text: "a"}}}}}}})
	check(t, `{"messages":[{"role":"user","content":"a"}],"ground_truth":"b","model":null,"separator":"\n","kwargs":{"model":"m","separator":"|","x":1},"future":[]}`,
		&EvaluateRequest{Messages: []Message{{Role: "user", Content: Content{Text: "a"}}}, GroundTruth: "b", Separator: "\n", Kwargs: EvaluateKwargs{Model: "m", Separator: "|"}})
	check(t, `{"messages":[{"role":"user","content":"a"}],"ground_truth":[{"role":"user"}],"kwargs":null}`,
		&EvaluateRequest{Messages: []Message{{Role: "user", Content: Content{Text: "a"}}}})
	check(t, `{"reward_model":"m","x":[{}],"responses_create_params":{"input":"q","instructions":null,"tools":[]},"response":{"id":"r","output":[{"type":"reasoning","summary":[]},
		{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]},{"text":"b"}]},{"role":"user","content":"c"}]}}`,
		&GymVerify{Model: "m", Create: GymCreate{Input: "q"}, Response: GymResponse{Output: []GymTurn{
			{Type: "reasoning"}, {Type: "message", Role: "assistant", Content: "ab"}, {Role: "user", Content: "c"},
		}}})
	check(t, `{"verify_responses":[{"_ng_task_index":3,"reward":0.5,"ok":true,"name":"x","response":{"usage":{"total_tokens":7,"details":{}},"n":1},"reward_components":{"a":-1}},
		{"reward":0,"_ng_failure_class":"judge_failed"},{"_ng_failure_class":null}]}`,
		&GymVerifiedRows{Rows: []GymRow{{{"_ng_task_index", 3}, {"reward", 0.5}, {"ok", 1}, {"total_tokens", 7}, {"reward_components/a", -1}}, {}}})
	check(t, `{"id":"7","parameters":{"timeout":5,"a":true,"b":"c"},"inputs":[{"name":"s","shape":[2,1],"datatype":"BYTES","parameters":null,"data":[["a"],["b"]],"x":{}},
		{"name":"t","shape":[1,2],"datatype":"INT64","data":[[1,-2]]},{"name":"u","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}},
		{"name":"v","shape":[2],"datatype":"BOOL","data":[true,false]},{"name":"w","shape":[0],"datatype":"BYTES","data":[]}],"outputs":[{"name":"r","parameters":{"binary_data":false}}]}`,
		&OIPRequest{
			ID: "7", Parameters: OIPParameters{"timeout": 5.0, "a": true, "b": "c"},
			Inputs: []OIPInput{
				{Name: "s", Shape: []int64{2, 1}, Datatype: "BYTES", Data: []string{"a", "b"}},
				{Name: "t", Shape: []int64{1, 2}, Datatype: "INT64", Data: []int64{1, -2}},
				{Name: "u", Shape: []int64{1}, Datatype: "BYTES", Parameters: OIPParameters{"binary_data_size": 5.0}},
				{Name: "v", Shape: []int64{2}, Datatype: "BOOL", Data: []int64{1, 0}},
				{Name: "w", Shape: []int64{0}, Datatype: "BYTES", Data: []string{}},
			},
			Outputs: []OIPOutput{{Name: "r", Parameters: OIPParameters{"binary_data": false}}},
		})
	check(t, `{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"s","shape":[1],"datatype":"BYTES","data":null}]}`,
		&OIPRequest{Inputs: []OIPInput{{Name: "s", Shape: []int64{1}, Datatype: "BYTES"}}})
	check(t, `{"prompt":"p","first":"a","second":""}`, &TokenizeLine{Item: Item{Prompt: new("p")}, First: new("a"), Second: new("")})
	check(t, `{"prompt":"p","responses":["a"],"answers":["4"]}`,
		&RankLine{GroupLine: GroupLine{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a"}}, Answers: []string{"4"}})
	check(t, `{"prompt":"p","chosen":"a","rejected":""}`,
		&CompareLine{GroupLine: GroupLine{Prompted: Prompted{Prompt: new("p")}}, Chosen: new("a"), Rejected: new("")})
	check(t, `{"prompt":"p","reference":"r","principle":"c","chosen":"a","rejected":"b"}`,
		&FitLine{Prompt: new("p"), Reference: new("r"), Principle: new("c"), Chosen: Side{Response: new("a")}, Rejected: Side{Response: new("b")}})
	check(t, `{"chosen":{"text":"a"},"rejected":{"input_ids":[]}}`,
		&FitLine{Chosen: Side{Item: &Item{Text: new("a")}}, Rejected: Side{Item: &Item{InputIDs: []int64{}}}})
	check(t, `{"item":{"text":"a"},"ids":[1,2],"read":[1],"score":0.5,"scores":{"a":1},"steps":[null,0.5]}`,
		&Golden{Item: &Item{Text: new("a")}, IDs: [][]int64{{1, 2}}, Read: []int{1}, Score: new(0.5), Scores: map[string]float64{"a": 1}, Steps: []*float64{nil, new(0.5)}})
	check(t, `{"item":{"prompt":"p","candidates":["y","n"]},"ids":[1],"tokens":[2,3],"logits":[0.5,1],"log_sum":2.5}`,
		&Golden{Item: &Item{Prompt: new("p"), Candidates: []string{"y", "n"}}, IDs: [][]int64{{1}}, Tokens: []int64{2, 3}, Logits: []float64{0.5, 1}, LogSum: new(2.5)})
	check(t, `{"pair":{"prompt":"p","chosen":"a","rejected":"b"},"ids":[[1],[2,3]],"probability":1}`,
		&Golden{Pair: &Pair{Prompted: Prompted{Prompt: new("p")}, Chosen: new("a"), Rejected: new("b")}, IDs: [][]int64{{1}, {2, 3}}, Probability: new(1.0)})
}

// check holds a text to the form that it must become.
func check[T any, F interface {
	*T
	Form
}](t *testing.T, text string, want F,
) {
	t.Helper()
	got, err := decoded[T, F](text, Limits{})
	if err != nil {
		t.Errorf("%s: %v", text, err)
	} else if diff := cmp.Diff((*T)(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", text, diff)
	}
}

// TestEmptyListsAreThere: a list that is given and empty is not one that is left out; a model tells their items apart.
func TestEmptyListsAreThere(t *testing.T) {
	check(t, `{"messages":[],"input_ids":[],"steps":[],"features":{},"user":[]}`,
		&Item{Messages: []Message{}, InputIDs: []int64{}, Steps: []string{}, Features: map[string]float64{}, User: []float64{}})
	check(t, `{}`, &Item{})
}

// TestTheTextIsNotKept: a form holds nothing of the bytes that it was read from, which a server uses again.
func TestTheTextIsNotKept(t *testing.T) {
	text := []byte(`{"items":[{"prompt":"plain","response":"esc\u0061ped","features":{"name":1}}]}`)
	var request ScoreRequest
	if err := DecodeBody(text, &request, Limits{}); err != nil {
		t.Fatal(err)
	}
	clear(text)
	want := []Item{{Prompt: new("plain"), Response: new("escaped"), Features: map[string]float64{"name": 1}}}
	if diff := cmp.Diff(want, request.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
