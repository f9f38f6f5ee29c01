package server

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

var openAIDoors = []door{
	{name: "openai: embeddings", path: "/v1/embeddings", body: inputOf(""), read: readEmbeddings},
	{name: "openai: embeddings without v1", path: "/embeddings", body: inputOf(""), read: readEmbeddings},
	{name: "openai: embeddings in base64", path: "/v1/embeddings", body: inputOf(`"encoding_format":"base64",`), read: readEmbeddings, near: 1e-6},
}

// readEmbeddings reads vectors of one number, in either form.
func readEmbeddings(got reply) ([]ops.Maybe, error) {
	var answer struct {
		Data []struct {
			Index     int
			Embedding json.RawMessage
			Error     any
		}
	}
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	all := make([]ops.Maybe, len(answer.Data))
	for i, of := range answer.Data {
		if of.Index != i || (of.Embedding == nil) == (of.Error == nil) {
			return nil, fmt.Errorf("item %d: %+v", i, of)
		}
		if of.Embedding == nil {
			continue
		}
		var (
			text    string
			numbers []float64
		)
		if json.Unmarshal(of.Embedding, &text) == nil {
			bytes, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(bytes) != 4 {
				return nil, fmt.Errorf("%d bytes, %w", len(bytes), err)
			}
			numbers = []float64{float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes)))}
		} else if err := json.Unmarshal(of.Embedding, &numbers); err != nil || len(numbers) != 1 {
			return nil, fmt.Errorf("%d numbers, %w", len(numbers), err)
		}
		all[i] = ops.Some(numbers[0])
	}
	return all, nil
}
