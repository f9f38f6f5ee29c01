package protocols

import (
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// openAIError is a problem as clients of OpenAI's API read it, under "error".
func openAIError(p *problem.Problem, code any) wire.OpenAIError {
	kind := "invalid_request_error"
	switch {
	case p.Status == 401:
		kind = "authentication_error"
	case p.Status == 403:
		kind = "permission_error"
	case p.Status == 404:
		kind = "not_found_error"
	case p.Status == 429:
		kind = "rate_limit_error"
	case p.Status >= 500:
		kind = "server_error"
	}
	return wire.OpenAIError{Message: p.Detail, Type: kind, Code: code}
}
