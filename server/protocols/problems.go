package protocols

import (
	"net/http"
	"strings"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// Problem tells a problem as the native API does: RFC 9457, with a code that never changes.
func Problem(p *problem.Problem) Reply {
	return Reply{
		Status: p.Status, Header: http.Header{"Content-Type": {"application/problem+json"}},
		Body: Details(p),
	}
}

// Details is the body of a problem in RFC 9457's form.
func Details(p *problem.Problem) wire.ProblemDetails {
	return wire.ProblemDetails{Type: "/docs#" + p.Code, Problem: p.Problem}
}

// Failed is the problem of an item that has no number, in a protocol whose answer must have one for every item: it is
// led by the field of the item, unless the decoder of the body has named it, and refuses the request. Its cause is
// logged with the answer's items.
func Failed(err *failure.Error, field string) error {
	why := *err
	if !strings.HasPrefix(err.Detail, field) {
		why = *err.Within(field)
	}
	why.Cause = nil
	return &why
}
