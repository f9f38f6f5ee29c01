package protocols

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// oipTensor is a tensor that models take or give, without the dimension of the batch; -1 is any length.
type oipTensor struct {
	name, datatype string
	dims           []int
}

// config is the datatype as a configuration names it.
func (t *oipTensor) config() string {
	if t.datatype == "BYTES" {
		return "TYPE_STRING"
	}
	return "TYPE_" + t.datatype
}

// oipInputs are those of every model: a request has one of three forms of them.
var oipInputs = []oipTensor{
	{"sentences", "BYTES", column},
	{"prompt", "BYTES", column},
	{"response", "BYTES", column},
	{"tokens", "INT64", rows},
	{"sequence_lengths", "INT64", column},
}

// The dimensions of a column, which has one element of each item, and of rows, which have any number.
var column, rows = []int{1}, []int{-1}

// The outputs. That of errors is given where it is asked for, and stands in no list of a model's: clients that ask for
// all that a model lists do not look at it.
const (
	oipRewards = "rewards"
	oipLabels  = "label_rewards"
	oipSteps   = "step_rewards"
	oipCounts  = "step_counts"
	oipErrors  = "errors"
)

// outputs are those that a model lists.
func (m *oipModel) outputs() []oipTensor {
	if m.question == rewards.Steps {
		return []oipTensor{{oipSteps, "FP32", rows}, {oipCounts, "INT64", column}}
	}
	all := []oipTensor{{oipRewards, "FP32", column}}
	if n := len(m.labels()); n > 1 {
		all = append(all, oipTensor{oipLabels, "FP32", []int{n}})
	}
	return all
}

// labels are a model's, whose numbers have names.
func (m *oipModel) labels() []string {
	if m.info == nil || m.info.Manifest.Embedding.Size > 0 {
		return nil
	}
	return m.info.Manifest.Graph.Labels
}

// oipBody is a request and the bytes of its tensors.
type oipBody struct {
	form *wire.OIPRequest
	rest []byte // behind the JSON, as far as no tensor has taken it

	sentences, prompts, responses []string
	tokens, lengths               []int64
	width                         int           // of tokens
	batch, most                   int           // items; that there may be
	refused                       map[int]error // texts that are not Unicode
}

// read takes every input, in order.
func (b *oipBody) read() error {
	b.batch = -1
	for i := range b.form.Inputs {
		of := &b.form.Inputs[i]
		var err error
		switch of.Name {
		case "sentences":
			err = b.texts(of, &b.sentences)
		case "prompt":
			err = b.texts(of, &b.prompts)
		case "response":
			err = b.texts(of, &b.responses)
		case "tokens":
			b.width, err = b.numbers(of, &b.tokens, false)
		case "sequence_lengths":
			_, err = b.numbers(of, &b.lengths, true)
		case "add_EOS": // of early releases of NeMo-Aligner, whose templates say it now
			var none []int64
			_, err = b.numbers(of, &none, true)
		default:
			err = invalid("inputs[%d].name: %q is none of sentences, prompt, response, tokens and sequence_lengths", i, fault.Short(of.Name))
		}
		if err != nil {
			return err
		}
	}
	if len(b.rest) > 0 {
		return invalid("the body has %d bytes behind its last tensor", len(b.rest))
	}
	return nil
}

func invalid(format string, args ...any) error {
	return problem.New(failure.CodeInvalidField, format, args...)
}

// shape proves a tensor's dimensions, and gives the product of those behind the batch.
func (b *oipBody) shape(t *wire.OIPInput, column bool) (width int, err error) {
	width = 1
	if n := len(t.Shape); n == 2 {
		width = int(t.Shape[1])
	} else if n != 1 || !column {
		return 0, invalid("%s.shape: has %d dimensions, and must be [batch, length]; a column may be [batch] too", t.Name, n)
	}
	most := int64(math.MaxInt32)
	if t.Shape[0] < 0 || t.Shape[0] > most || width < 0 || int64(width) > most || column && width != 1 {
		return 0, invalid("%s.shape: is %d; a column has the shape [batch, 1], and no dimension is below 0", t.Name, t.Shape)
	}
	switch n := int(t.Shape[0]); {
	case b.batch >= 0 && n != b.batch:
		return 0, invalid("%s.shape: is of %d items, and the tensors before it are of %d", t.Name, n, b.batch)
	case n > b.most:
		return 0, problem.New(failure.CodeTooManyItems, "%s: has %d items, and one request may have %d", t.Name, n, b.most)
	default:
		b.batch = n
	}
	return width, nil
}

// raw takes the bytes of a tensor that has some behind the JSON.
func (b *oipBody) raw(t *wire.OIPInput) (bytes []byte, has bool, err error) {
	if region := t.Parameters["shared_memory_region"]; region != nil {
		return nil, false, invalid("%s.parameters.shared_memory_region: shared memory is not served", t.Name)
	}
	given, has := t.Parameters["binary_data_size"]
	if !has {
		return nil, false, nil
	}
	size, _ := given.(float64)
	if _, is := given.(float64); !is || size != math.Trunc(size) || size < 0 || size > float64(len(b.rest)) {
		return nil, true, invalid("%s.parameters.binary_data_size: is %v, and %d bytes follow the JSON and the tensors before", t.Name, given, len(b.rest))
	}
	if t.Data != nil {
		return nil, true, invalid("%s: has data and binary_data_size", t.Name)
	}
	bytes, b.rest = b.rest[:int(size)], b.rest[int(size):]
	return bytes, true, nil
}

// texts reads a column of BYTES.
func (b *oipBody) texts(t *wire.OIPInput, into *[]string) error {
	if *into != nil {
		return invalid("%s: given twice", t.Name)
	}
	if t.Datatype != "BYTES" {
		return invalid("%s.datatype: is %q, and must be BYTES", t.Name, fault.Short(t.Datatype))
	}
	if _, err := b.shape(t, true); err != nil {
		return err
	}
	bytes, binary, err := b.raw(t)
	if err != nil {
		return err
	}
	if !binary {
		texts, is := t.Data.([]string)
		if !is || len(texts) != b.batch {
			return invalid("%s.data: must hold %d strings, as its shape says", t.Name, b.batch)
		}
		*into = texts
		return nil
	}
	*into = make([]string, b.batch)
	for i := range *into {
		var text []byte
		if text, bytes, err = oipElement(bytes); err != nil {
			return invalid("%s[%d]: %v", t.Name, i, err)
		}
		if !utf8.Valid(text) {
			if b.refused == nil {
				b.refused = map[int]error{}
			}
			b.refused[i] = failure.New(fault.CodeItem, "is not Unicode: it has bytes that are not UTF-8")
			continue
		}
		(*into)[i] = string(text)
	}
	if len(bytes) > 0 {
		return invalid("%s: has %d bytes behind its %d elements", t.Name, len(bytes), b.batch)
	}
	return nil
}

// oipElement is the first of the elements of BYTES: its length as a little-endian uint32, and as many bytes.
func oipElement(from []byte) (element, rest []byte, err error) {
	if len(from) < 4 {
		return nil, nil, invalid("the tensor ends before the element's length")
	}
	n := binary.LittleEndian.Uint32(from)
	if from = from[4:]; int64(n) > int64(len(from)) {
		return nil, nil, invalid("the element has %d bytes, and %d are left", n, len(from))
	}
	return from[:n], from[n:], nil
}

// numbers reads a tensor of whole numbers, and gives the length of its rows.
func (b *oipBody) numbers(t *wire.OIPInput, into *[]int64, column bool) (width int, err error) {
	if *into != nil {
		return 0, invalid("%s: given twice", t.Name)
	}
	sizes := map[string]int{"INT64": 8, "UINT64": 8, "INT32": 4, "UINT32": 4, "BOOL": 1}
	size := sizes[t.Datatype]
	if size == 0 || t.Datatype == "BOOL" && t.Name != "add_EOS" {
		return 0, invalid("%s.datatype: is %q, and must be INT64 or INT32", t.Name, fault.Short(t.Datatype))
	}
	if width, err = b.shape(t, column); err != nil {
		return 0, err
	}
	n := b.batch * width
	bytes, has, err := b.raw(t)
	if err != nil {
		return 0, err
	}
	if !has {
		numbers, is := t.Data.([]int64)
		if none, empty := t.Data.([]string); empty && len(none) == 0 {
			numbers, is = []int64{}, true
		}
		if !is || len(numbers) != n {
			return 0, invalid("%s.data: must hold %d integers, as its shape says", t.Name, n)
		}
		*into = numbers
		return width, nil
	}
	if len(bytes) != n*size {
		return 0, invalid("%s.parameters.binary_data_size: is %d, and %d elements of %s have %d bytes", t.Name, len(bytes), n, t.Datatype, n*size)
	}
	*into = make([]int64, n)
	for i := range *into {
		switch at := bytes[i*size:]; t.Datatype {
		case "BOOL":
			(*into)[i] = int64(at[0])
		case "INT32":
			(*into)[i] = int64(int32(binary.LittleEndian.Uint32(at))) //nolint:gosec // the bits are a signed number's
		case "UINT32":
			(*into)[i] = int64(binary.LittleEndian.Uint32(at))
		default:
			(*into)[i] = int64(binary.LittleEndian.Uint64(at)) //nolint:gosec // what is no int64 is no token either
		}
	}
	return width, nil
}

// items are what the tensors ask about; the name is of the tensor that an item's error is told of.
func (b *oipBody) items() (items []encode.Item, name string, err error) {
	forms := 0
	for _, given := range []bool{b.sentences != nil, b.prompts != nil || b.responses != nil, b.tokens != nil} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		return nil, "", invalid("inputs: must be sentences, or prompt and response, or tokens and sequence_lengths, and %d of these forms are given", forms)
	case (b.prompts == nil) != (b.responses == nil):
		return nil, "", invalid("inputs: prompt and response go together")
	case b.lengths != nil && b.tokens == nil:
		return nil, "", invalid("inputs: sequence_lengths are of tokens, and there are none")
	case b.batch == 0:
		return nil, "", invalid("inputs: must hold at least one item")
	}
	items = make([]encode.Item, b.batch)
	for i := range items {
		switch {
		case b.sentences != nil:
			items[i].Text, name = &b.sentences[i], "sentences"
		case b.prompts != nil:
			items[i].Prompt, items[i].Response, name = &b.prompts[i], &b.responses[i], "response"
		default:
			row := b.tokens[i*b.width : (i+1)*b.width]
			if b.lengths != nil {
				if n := b.lengths[i]; n < 0 || n > int64(b.width) {
					return nil, "", invalid("sequence_lengths[%d]: is %d, and the row of tokens has %d", i, n, b.width)
				}
				row = row[:b.lengths[i]]
			}
			items[i].InputIDs, name = row, "tokens"
		}
	}
	return items, name, nil
}
