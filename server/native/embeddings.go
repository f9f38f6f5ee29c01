package native

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// EmbeddingsRequest is the request of an embeddings body.
func EmbeddingsRequest(r *wire.EmbeddingsRequest) (rewards.Request, error) {
	request := under(rewards.Embed, &r.Common)
	request.Items, request.Refused = make([]encode.Item, len(r.Input)), refused(r.Refused)
	for i := range r.Input {
		request.Items[i].Text = &r.Input[i]
	}
	return request, nil
}

// EmbeddingsAnswer is the body that answers an embeddings request, whose vectors are numbers, or base64 of
// little-endian float32, which holds every number of the graph exactly.
func EmbeddingsAnswer(a *rewards.Answer, base64s bool) *wire.EmbeddingsAnswer {
	head := answering(a)
	answer := &wire.EmbeddingsAnswer{
		Object: "list", Model: head.Model, Digest: head.Digest, Timings: head.Timings,
		Usage: wire.EmbeddingsUsage{Prompt: a.Usage.Tokens, Total: a.Usage.Tokens}, Data: make([]wire.Embedding, len(a.Vectors)),
	}
	for i := range a.Vectors {
		r := &a.Vectors[i]
		one := wire.Embedding{Object: "embedding", Index: i, Error: Error(r.Err)}
		switch {
		case r.Err != nil:
		case base64s:
			one.Embedding, one.Tokens = packed(r.Vector), tokens(&r.Tokens)
		default:
			one.Embedding, one.Tokens = r.Vector, tokens(&r.Tokens)
		}
		answer.Data[i] = one
	}
	return answer
}

func packed(vector []float64) string {
	bytes := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(float32(x)))
	}
	return base64.StdEncoding.EncodeToString(bytes)
}
