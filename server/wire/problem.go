package wire

// Problem says why an item failed. It is an item's "error", and the core of [ProblemDetails].
type Problem struct {
	Code   string `json:"code" doc:"Stable name of the problem; docs/API.md lists them" example:"too_long"`
	Status int    `json:"status" doc:"HTTP status of the problem" example:"413"`
	Title  string `json:"title" doc:"The same sentence for every problem of this code"`
	Detail string `json:"detail" doc:"What is wrong here: the field, the limit, the value"`
}

// ProblemDetails is the body of every error: RFC 9457, with a code that never changes.
type ProblemDetails struct {
	Type string `json:"type" doc:"Where the problem is described" format:"uri-reference" example:"/docs#too_long"`
	Problem
}

// ProblemRow is a row of the table of problems, for the page.
type ProblemRow struct {
	Code   string `json:"code"`
	Status int    `json:"status"`
	Title  string `json:"title"`
	When   string `json:"when"`
	Mend   string `json:"mend"`
}
