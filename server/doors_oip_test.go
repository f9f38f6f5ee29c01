package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/assay-rm/assay/rewards/ops"
)

// oipDoors are the call with all in JSON, which has room for the errors of items, and that with texts and rewards as
// bytes, which has none.
var oipDoors = []door{
	{
		name: "oip: infer", path: "/v2/models/arith-rm/infer",
		body: func(items []doorItem) string {
			prompts, responses := make([]string, len(items)), make([]string, len(items))
			for i := range items {
				prompts[i], responses[i] = items[i].prompt, items[i].response
			}
			column := func(name string, data []string) map[string]any {
				return map[string]any{"name": name, "shape": []int{len(data), 1}, "datatype": "BYTES", "data": data}
			}
			return jsonOf(map[string]any{
				"inputs": []any{column("prompt", prompts), column("response", responses)}, "parameters": map[string]any{"datatype": "FP64"},
				"outputs": []any{map[string]any{"name": "rewards"}, map[string]any{"name": "errors"}},
			})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer struct {
				Outputs []struct {
					Name  string
					Shape []int
					Data  json.RawMessage
				}
			}
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			var rewards []*float64
			var errs []string
			if err := json.Unmarshal(answer.Outputs[0].Data, &rewards); err != nil {
				return nil, err
			}
			if err := json.Unmarshal(answer.Outputs[1].Data, &errs); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(rewards))
			for i, value := range rewards {
				if (value == nil) != (errs[i] != "") {
					return nil, fmt.Errorf("reward %v and error %q", value, errs[i])
				}
				if value != nil {
					values[i] = ops.Some(*value)
				}
			}
			return values, nil
		},
	},
	{
		name: "oip: infer with bytes", path: "/v2/models/arith-rm/infer", near: 1e-6,
		headers: []string{"Content-Type", "application/octet-stream", "Inference-Header-Content-Length", strconv.Itoa(oipPadded)},
		body: func(items []doorItem) string {
			var column []byte
			for i := range items {
				column = append(binary.LittleEndian.AppendUint32(column, uint32(len(items[i].text()))), items[i].text()...)
			}
			return oipWithBytes(map[string]any{
				"inputs": []any{map[string]any{
					"name": "sentences", "shape": []int{len(items)}, "datatype": "BYTES", "parameters": map[string]any{"binary_data_size": len(column)},
				}},
				"parameters": map[string]any{"binary_data_output": true},
			}, column)
		},
		read: func(got reply) ([]ops.Maybe, error) {
			if got.status != 200 {
				return nil, fmt.Errorf("status %d", got.status)
			}
			n, err := strconv.Atoi(got.header.Get("Inference-Header-Content-Length"))
			if err != nil || got.header.Get("Content-Type") != "application/octet-stream" {
				return nil, fmt.Errorf("no bytes: %v", got.header)
			}
			var values []ops.Maybe
			for rest := got.body[n:]; len(rest) >= 4; rest = rest[4:] {
				values = append(values, ops.Some(float64(math.Float32frombits(binary.LittleEndian.Uint32(rest)))))
			}
			return values, nil
		},
	},
}

// oipPadded is how long these tests make the JSON before bytes: with spaces, so that one header fits all.
const oipPadded = 600

func oipWithBytes(head map[string]any, tensors []byte) string {
	text := jsonOf(head)
	return text + strings.Repeat(" ", oipPadded-len(text)) + string(tensors)
}
