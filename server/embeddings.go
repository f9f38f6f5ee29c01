package server

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// embeddings is the route of texts' vectors, in the form of OpenAI's API, whose request says how they are written.
func embeddings(s *Server) route {
	c := codec{
		accepts: jsonType,
		decode: func(_ *exchange, _ *http.Request, body []byte) (asked, error) {
			var form wire.EmbeddingsRequest
			if err := s.decode(body, &form); err != nil {
				return asked{}, err
			}
			of, err := embeddingsRequest(&form)
			write := numbersOf
			if form.Encoding == "base64" {
				write = bytesOf
			}
			kept, onError := form.Kept(), form.Failing()
			return asked{Request: of, timeout: form.Timeout(), encode: func(x *exchange, given *rewards.Answer) error {
				status, err := statusOf(given, onError)
				if err != nil {
					return err
				}
				body := embeddingsAnswer(given, write)
				if kept != nil {
					body.Keep(kept)
				}
				return writeJSON(x, status, body)
			}}, err
		},
	}
	return route{http.MethodPost, "/v1/embeddings", "What is the vector of each text?", false, &c, nil, wire.EmbeddingsRequest{}, wire.EmbeddingsAnswer{}}
}

// embeddingsRequest is the request of a body: that of a score of its texts, but for the question.
func embeddingsRequest(r *wire.EmbeddingsRequest) (rewards.Request, error) {
	items := make([]wire.Item, len(r.Input))
	for i := range r.Input {
		items[i] = wire.Item{Text: &r.Input[i], Err: r.Refused[i]}
	}
	request, err := native.ScoreRequest(&wire.ScoreRequest{Common: r.Common, Items: items})
	request.Question = rewards.Embed
	return request, err
}

// embeddingsAnswer is the body that answers it, whose vectors are as they are written.
func embeddingsAnswer(a *rewards.Answer, write func(vector []float64) any) *wire.EmbeddingsAnswer {
	head := native.ScoreAnswer(a).Answering
	answer := &wire.EmbeddingsAnswer{
		Object: "list", Model: head.Model, Digest: head.Digest, Timings: head.Timings,
		Usage: wire.EmbeddingsUsage{Prompt: head.Usage.Tokens, Total: head.Usage.Tokens, Failed: head.Usage.Failed}, Data: make([]wire.Embedding, len(a.Vectors)),
	}
	for i := range a.Vectors {
		r := &a.Vectors[i]
		answer.Data[i] = wire.Embedding{Object: "embedding", Index: i, Error: native.Error(r.Err)}
		if r.Err == nil {
			answer.Data[i].Embedding, answer.Data[i].Tokens = write(r.Vector), (*wire.Tokens)(&r.Tokens)
		}
	}
	return answer
}

func numbersOf(vector []float64) any { return vector }

// bytesOf is the base64 of a vector's little-endian float32, which hold every number of the graph exactly.
func bytesOf(vector []float64) any {
	bytes := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(float32(x)))
	}
	return base64.StdEncoding.EncodeToString(bytes)
}
