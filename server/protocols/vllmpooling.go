package protocols

import (
	"encoding/binary"
	"encoding/json"
	"net/http"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// perToken are the classes of reward models that vLLM gives by token, as rows of which clients read the last. Here the
// one row is that of the token that is read: what vLLM gives of the others is no reward.
var perToken = map[string]bool{"InternLM2ForRewardModel": true, "Qwen2ForRewardModel": true}

// tasks are what a body may ask of the model, by vLLM's names.
var tasks = map[string][]manifest.Kind{
	"":               {manifest.KindReward, manifest.KindProcess, manifest.KindEmbedding},
	"classify":       {manifest.KindReward},
	"token_classify": {manifest.KindProcess, manifest.KindReward},
	"embed":          {manifest.KindEmbedding},
}

func askPooling(c *Call) (Asked, error) {
	var form wire.PoolingRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request, err := asksPooler(c, &form.Pooler, &form.Input, &form.Conversing, tasks[form.Task]...)
	p := &pooling{
		id: poolerID(c, "pooling-", form.RequestID), as: poolerActivation(&form.Pooler), items: itemsOf(&form.Conversing),
		task: form.Task, encoding: form.Encoding, big: form.Endianness == "big", engine: c.Engine,
	}
	return Asked{Request: request, Reply: p.reply}, err
}

// pooling is how an answer of /pooling is written.
type pooling struct {
	engine             Engine
	id, task, encoding string
	items              string // the field they came in
	as                 activation
	big                bool // big endian
}

func (p *pooling) reply(given *rewards.Answer) (Reply, error) {
	if err := refused(given, p.items); err != nil {
		return Reply{}, err
	}
	answer := wire.PoolingAnswer{PoolingHead: poolingHead(p.id, given), Usage: poolingUsage(given)}
	outputs, err := p.outputs(given)
	if err != nil {
		return Reply{}, err
	}
	if p.encoding == "bytes" || p.encoding == "bytes_only" {
		return p.bytes(given, &answer, outputs)
	}
	answer.Data = outputs
	for i := range outputs {
		outputs[i].Index, outputs[i].Object = i, "pooling"
		if p.encoding == "base64" && outputs[i].Error == nil {
			outputs[i].Data = base64Of(p.raw(outputs[i].Data))
		}
	}
	return Reply{Body: answer}, nil
}

// outputs are numbers, or rows, of each item.
func (p *pooling) outputs(given *rewards.Answer) ([]wire.Pooled, error) {
	of := answererOf(p.engine, given)
	all := make([]wire.Pooled, len(given.Results)+len(given.Steps)+len(given.Vectors))
	for i := range given.Results {
		r := &given.Results[i]
		if r.Err != nil {
			all[i].Error = native.Error(r.Err)
			continue
		}
		row, err := values(r, of, p.as)
		if err != nil {
			return nil, err
		}
		all[i].Data, all[i].Tokens = row, (*wire.Tokens)(&r.Tokens)
		if p.task == "token_classify" || p.task == "" && of != nil && perToken[of.Manifest.Source.Class] {
			all[i].Data = [][]float64{row}
		}
	}
	for i := range given.Steps {
		r := &given.Steps[i]
		if r.Err != nil {
			all[i].Error = native.Error(r.Err)
			continue
		}
		all[i].Data, all[i].Tokens = stepRows(r, of, p.as), (*wire.Tokens)(&r.Tokens)
	}
	for i := range given.Vectors {
		r := &given.Vectors[i]
		if r.Err != nil {
			all[i].Error = native.Error(r.Err)
			continue
		}
		all[i].Data, all[i].Tokens = r.Vector, (*wire.Tokens)(&r.Tokens)
	}
	return all, nil
}

// raw is an output as bytes of float32, row by row.
func (p *pooling) raw(output any) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if p.big {
		order = binary.BigEndian
	}
	if rows, ok := output.([][]float64); ok {
		return floats(flat(rows), order)
	}
	row, _ := output.([]float64)
	return floats(row, order)
}

// bytes writes all outputs one behind the other. Where each of them lies, and what else is to be said, stands in a
// header. There is no place for an item's error.
func (p *pooling) bytes(given *rewards.Answer, head *wire.PoolingAnswer, outputs []wire.Pooled) (Reply, error) {
	if err := failed(given, p.items); err != nil {
		return Reply{}, err
	}
	endianness := "little"
	if p.big {
		endianness = "big"
	}
	meta := wire.PoolingMetadata{PoolingHead: head.PoolingHead, Usage: head.Usage, Data: make([]wire.PooledBytes, len(outputs))}
	all := []byte{}
	for i := range outputs {
		of := wire.PooledBytes{Index: i, Dtype: "float32", Endianness: endianness, Start: len(all)}
		all = append(all, p.raw(outputs[i].Data)...)
		of.End, of.Shape = len(all), shape(outputs[i].Data)
		meta.Data[i] = of
	}
	reply := Reply{Header: http.Header{"Content-Type": {"application/octet-stream"}}, Body: all}
	if p.encoding == "bytes_only" {
		return reply, nil
	}
	text, err := json.Marshal(meta)
	reply.Header["Metadata"] = []string{string(text)}
	return reply, err
}

// shape is the sizes of an output: rows and columns, or one size alone.
func shape(output any) []int {
	if rows, ok := output.([][]float64); ok {
		columns := 0
		if len(rows) > 0 {
			columns = len(rows[0])
		}
		return []int{len(rows), columns}
	}
	row, _ := output.([]float64)
	return []int{len(row)}
}
