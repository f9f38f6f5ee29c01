package server

import (
	"net/http"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// embeddings is the route of texts' vectors, whose request says how they are written.
func embeddings(s *Server) route {
	c := codec{
		accepts: jsonType,
		decode: func(_ *http.Request, body []byte) (asked, error) {
			var form wire.EmbeddingsRequest
			if err := s.decode(body, &form); err != nil {
				return asked{}, err
			}
			of, err := native.EmbeddingsRequest(&form)
			base64 := form.Encoding == "base64"
			return asked{Request: of, timeout: form.Timeout(), encode: func(x *exchange, given *rewards.Answer) error {
				return writeJSON(x, problem.Status(given.Errors()), native.EmbeddingsAnswer(given, base64))
			}}, err
		},
	}
	return route{http.MethodPost, "/v1/embeddings", "What is the vector of each text?", false, ask(s, c), wire.EmbeddingsRequest{}, wire.EmbeddingsAnswer{}}
}
