package server

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var vllmDoors = []door{
	{name: "vllm: pooling", path: "/pooling", body: inputOf(`"use_activation":false,`), read: readPooling},
	{name: "vllm: pooling of messages", path: "/pooling", most: 1, body: messagesOf, read: readPooling},
	{name: "vllm: pooling by token", path: "/pooling", body: inputOf(`"task":"token_classify",`), read: readPoolingRows},
	{name: "vllm: pooling in base64", path: "/pooling", body: inputOf(`"encoding_format":"base64",`), read: readPoolingBase64, near: 1e-6},
	{name: "vllm: classify", path: "/classify", body: inputOf(`"use_activation":false,`), read: readClassify},
	{name: "vllm: classify with its old name", path: "/classify", body: inputOf(`"activation":false,`), read: readClassify},
	{name: "vllm: classify activated", path: "/classify", body: inputOf(`"softmax":true,`), read: readClassify, of: doorSigmoid},
	{name: "vllm: score", path: "/score", body: pairsOf("text_1", "text_2"), read: readPairs},
	{name: "vllm: v1 score", path: "/v1/score", body: pairsOf("queries", "documents"), read: readPairs},
	{name: "lmdeploy: pooling", path: "/lmdeploy/pooling", body: inputOf(""), read: readLMDeploy},
}

// doorSigmoid is what an activated reward is, to the bit.
func doorSigmoid(raw float64) float64 { return ops.Sigmoid(raw) }

// inputOf makes bodies with an input of texts, and some fields before it.
func inputOf(before string) func(items []doorItem) string {
	return func(items []doorItem) string {
		return `{"model":"arith-rm",` + before + `"input":` + jsonOf(textsOf(items)) + `}`
	}
}

func textsOf(items []doorItem) []string {
	texts := make([]string, len(items))
	for i := range items {
		texts[i] = items[i].text()
	}
	return texts
}

func messagesOf(items []doorItem) string {
	return jsonOf(map[string]any{"model": "arith-rm", "messages": []any{
		map[string]any{"role": "user", "content": items[0].prompt}, map[string]any{"role": "assistant", "content": items[0].response},
	}})
}

func pairsOf(prompts, responses string) func(items []doorItem) string {
	return func(items []doorItem) string {
		of := map[string][]string{}
		for i := range items {
			of[prompts], of[responses] = append(of[prompts], items[i].prompt), append(of[responses], items[i].response)
		}
		return jsonOf(map[string]any{"model": "arith-rm", prompts: of[prompts], responses: of[responses]})
	}
}

// poolingOf reads the answer of /pooling, whose data is a T.
func poolingOf[T any](got reply, number func(data T) (float64, error)) ([]ops.Maybe, error) {
	var answer struct {
		Data []struct {
			Index int
			Data  *T
			Error *wire.Problem
		}
	}
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	all := make([]ops.Maybe, len(answer.Data))
	for i, of := range answer.Data {
		if of.Index != i || (of.Data == nil) == (of.Error == nil) {
			return nil, fmt.Errorf("item %d: %+v", i, of)
		}
		if of.Data == nil {
			continue
		}
		x, err := number(*of.Data)
		if err != nil {
			return nil, err
		}
		all[i] = ops.Some(x)
	}
	return all, nil
}

func readPooling(got reply) ([]ops.Maybe, error) {
	return poolingOf(got, func(data []float64) (float64, error) {
		if len(data) != 1 {
			return 0, fmt.Errorf("%d numbers", len(data))
		}
		return data[0], nil
	})
}

// readPoolingRows reads as POLAR's client of vLLM does.
func readPoolingRows(got reply) ([]ops.Maybe, error) {
	return poolingOf(got, func(data [][]float64) (float64, error) { return data[len(data)-1][0], nil })
}

func readLMDeploy(got reply) ([]ops.Maybe, error) {
	return poolingOf(got, func(data float64) (float64, error) { return data, nil })
}

func readPoolingBase64(got reply) ([]ops.Maybe, error) {
	return poolingOf(got, func(data string) (float64, error) {
		bytes, err := base64.StdEncoding.DecodeString(data)
		if err == nil && len(bytes) != 4 {
			err = fmt.Errorf("%d bytes", len(bytes))
		}
		if err != nil {
			return 0, err
		}
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes))), nil
	})
}

func readClassify(got reply) ([]ops.Maybe, error) {
	var answer wire.ClassifyAnswer
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	all := make([]ops.Maybe, len(answer.Data))
	for i, of := range answer.Data {
		if of.Index != i || (of.Probs == nil) == (of.Error == nil) || of.Classes != len(of.Probs) {
			return nil, fmt.Errorf("item %d: %+v", i, of)
		}
		if of.Probs != nil {
			all[i] = ops.Some(of.Probs[len(of.Probs)-1])
		}
	}
	return all, nil
}

func readPairs(got reply) ([]ops.Maybe, error) {
	var answer wire.PairsAnswer
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	all := make([]ops.Maybe, len(answer.Data))
	for i, of := range answer.Data {
		if of.Index != i || (of.Score == nil) == (of.Error == nil) {
			return nil, fmt.Errorf("item %d: %+v", i, of)
		}
		if of.Score != nil {
			all[i] = ops.Some(*of.Score)
		}
	}
	return all, nil
}
