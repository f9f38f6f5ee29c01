package models

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/assay-rm/assay/models/manifest"
)

// TestAGraphThatWantsLeftPaddingIsRefused: exports that were made for padding on the left read the last column, which
// beside a longer item is padding. Such a graph gives each item its score as long as it is asked alone.
func TestAGraphThatWantsLeftPaddingIsRefused(t *testing.T) {
	d := copyBundle(t, "../optimum/qwen2")
	d.remove("golden.jsonl")
	text := d.read(manifest.File)
	d.write(manifest.File, text[:strings.Index(text, "golden:")])
	d.write("model.onnx", string(lastColumn(384)))
	d.refused("exported for padding on the left")
}

// lastColumn is a padded graph, (N, T) ids → (N, 1) logits, whose score of an item is a table's entry for the id in the
// last column.
func lastColumn(vocabulary int) []byte {
	var table []byte
	for id := range vocabulary {
		table = binary.LittleEndian.AppendUint32(table, math.Float32bits(float32(id%97)/8))
	}
	text := func(field protowire.Number, value string) []byte { return message(field, []byte(value)) }
	number := func(field protowire.Number, value int) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(value))
	}
	value := func(field protowire.Number, name string, kind int, sizes ...[]byte) []byte {
		var shape [][]byte
		for _, size := range sizes {
			shape = append(shape, message(1, size))
		}
		return message(field, text(1, name), message(2, message(1, number(1, kind), message(2, shape...))))
	}
	const float32s, int64s = 1, 7
	items, tokens := text(2, "N"), text(2, "T")
	second := message(5, text(1, "axis"), number(3, 1), number(20, 2)) // the axis of the tokens
	graph := message(7,
		message(1, text(1, "input_ids"), text(1, "last"), text(2, "id"), text(4, "Gather"), second),
		message(1, text(1, "table"), text(1, "id"), text(2, "logits"), text(4, "Gather")),
		text(2, "last"),
		message(5, number(2, int64s), text(8, "last"), message(9, binary.LittleEndian.AppendUint64(nil, math.MaxUint64))),
		message(5, number(1, vocabulary), number(1, 1), number(2, float32s), text(8, "table"), message(9, table)),
		value(11, "input_ids", int64s, items, tokens), value(11, "attention_mask", int64s, items, tokens),
		value(12, "logits", float32s, items, number(1, 1)),
	)
	return append(append(number(1, 10), graph...), message(8, number(2, 21))...)
}
