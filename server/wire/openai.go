package wire

// OpenAIError is what clients of OpenAI's API read of a problem, under "error".
type OpenAIError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    any     `json:"code" doc:"The problem's code, or its status"`
}

// OpenAIProblem is the body of a problem of OpenAI's API. Other clients read message or detail beside it.
type OpenAIProblem struct {
	Error   OpenAIError `json:"error"`
	Message string      `json:"message,omitempty"`
	Detail  string      `json:"detail,omitempty"`
}
