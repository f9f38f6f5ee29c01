package wire

// OpenAIError is what clients of OpenAI's API read of a problem, under "error".
type OpenAIError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    any     `json:"code" doc:"The problem's code, or its status"`
}

// OpenAIModel is a model as clients of OpenAI's API read it.
type OpenAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object" enum:"model"`
	Created int64  `json:"created" doc:"Since when it is served, in seconds since 1970"`
	Owner   string `json:"owned_by"`
	Longest int    `json:"max_model_len,omitempty" doc:"Tokens of the longest item accepted, as vLLM says it"`
}

// OpenAIProblem is the body of a problem of OpenAI's API. Other clients read message or detail beside it.
type OpenAIProblem struct {
	Error   OpenAIError `json:"error"`
	Message string      `json:"message,omitempty"`
	Detail  string      `json:"detail,omitempty"`
}
