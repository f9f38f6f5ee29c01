package protocols

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// reply gives the tensors. Where the errors of items are not asked for, one refuses the request, since a client would
// take whatever stands in its place for a reward.
func (a *oipAnswering) reply(given *rewards.Answer) (Reply, error) {
	errs := make([]*failure.Error, 0, len(given.Results)+len(given.Steps))
	for err := range given.Errors() {
		errs = append(errs, err)
	}
	if a.datatype == "FP32" {
		tooLarge(given, errs)
	}
	if !a.errors {
		for i, err := range errs {
			if err != nil {
				return Reply{}, Failed(err, fmt.Sprintf("%s[%d]", a.items, i))
			}
		}
	}
	body := wire.OIPAnswer{
		Model: given.Model, Version: oipVersion, ID: a.id,
		Parameters: &wire.OIPAnswerer{Digest: given.Digest, Tokens: given.Usage.Tokens}, Outputs: make([]wire.OIPResult, len(a.outputs)),
	}
	var rest []byte
	for i := range a.outputs {
		want, out := &a.outputs[i], &body.Outputs[i]
		out.Name = want.name
		before := len(rest)
		switch want.name {
		case oipErrors:
			rest = tellErrors(out, errs, want.binary, rest)
		case oipCounts:
			rest = tellCounts(out, given, want.binary, rest)
		default:
			rest = a.tellNumbers(out, given, errs, want.binary, rest)
		}
		if want.binary {
			out.Parameters = &wire.OIPSize{Bytes: len(rest) - before}
		}
	}
	if rest == nil {
		return Reply{Body: body}, nil
	}
	head, err := json.Marshal(body)
	if err != nil {
		return Reply{}, err
	}
	return Reply{
		Header: http.Header{"Content-Type": {"application/octet-stream"}, oipHeader: {strconv.Itoa(len(head))}},
		Body:   append(head, rest...),
	}, nil
}

// tooLarge fails the items with a number that is beyond FP32.
func tooLarge(given *rewards.Answer, errs []*failure.Error) {
	check := func(i int, x float64) {
		if errs[i] == nil && math.IsInf(float64(float32(x)), 0) {
			errs[i] = failure.New(fault.CodeNotFinite, "the reward %g is beyond FP32; ask with the parameter datatype FP64", x)
		}
	}
	for i := range given.Results {
		check(i, rawOf(&given.Results[i]))
		for _, x := range given.Results[i].Logits {
			check(i, x)
		}
	}
	for i := range given.Steps {
		for k := range given.Steps[i].Steps {
			check(i, given.Steps[i].Steps[k].Score.Value)
		}
	}
}

// tellNumbers writes the rewards, those of labels or those of steps: a row for each item.
func (a *oipAnswering) tellNumbers(out *wire.OIPResult, given *rewards.Answer, errs []*failure.Error, binary bool, rest []byte) []byte {
	width, labels := 1, a.model.labels()
	switch out.Name {
	case oipLabels:
		width = len(labels)
	case oipSteps:
		width = longest(given)
	}
	all := make([]ops.Maybe, 0, len(errs)*width)
	for i, err := range errs {
		for k := range width {
			var x ops.Maybe
			switch {
			case err != nil:
			case out.Name == oipLabels:
				logit, has := given.Results[i].Logits[labels[k]]
				x = ops.Maybe{Value: logit, Known: has}
			case out.Name == oipRewards:
				x = ops.Some(rawOf(&given.Results[i]))
			case k < len(given.Steps[i].Steps):
				x = given.Steps[i].Steps[k].Score
			}
			all = append(all, x)
		}
	}
	out.Datatype, out.Shape = a.datatype, []int{len(errs), width}
	if binary {
		return oipBytes(rest, all, a.datatype)
	}
	out.Data = oipNumbers(all, a.datatype)
	return rest
}

// longest is the most steps of an item.
func longest(given *rewards.Answer) (most int) {
	for i := range given.Steps {
		most = max(most, len(given.Steps[i].Steps))
	}
	return most
}

// oipBytes appends numbers as little-endian bytes; NaN is one that is missing.
func oipBytes(to []byte, all []ops.Maybe, datatype string) []byte {
	for _, x := range all {
		value := x.Value
		if !x.Known {
			value = math.NaN()
		}
		if datatype == "FP64" {
			to = binary.LittleEndian.AppendUint64(to, math.Float64bits(value))
		} else {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(value)))
		}
	}
	return to
}

// oipNumbers are numbers for JSON, written with the digits of their type; null is one that is missing.
func oipNumbers(all []ops.Maybe, datatype string) any {
	if datatype == "FP32" {
		return nullable(all, func(x float64) float32 { return float32(x) })
	}
	return nullable(all, func(x float64) float64 { return x })
}

func nullable[T any](all []ops.Maybe, of func(float64) T) []*T {
	values, numbers := make([]T, len(all)), make([]*T, len(all))
	for i, x := range all {
		if x.Known {
			values[i] = of(x.Value)
			numbers[i] = &values[i]
		}
	}
	return numbers
}

// tellCounts writes how many steps each item has; those behind them in its row are missing.
func tellCounts(out *wire.OIPResult, given *rewards.Answer, bytes bool, rest []byte) []byte {
	counts := make([]int, len(given.Steps))
	for i := range given.Steps {
		counts[i] = len(given.Steps[i].Steps)
		if bytes {
			rest = binary.LittleEndian.AppendUint64(rest, uint64(counts[i])) //nolint:gosec // a length
		}
	}
	if out.Datatype, out.Shape = "INT64", []int{len(counts), 1}; !bytes {
		out.Data = counts
	}
	return rest
}

// tellErrors writes the code and the sentence of each item's error, and an empty text where there is none.
func tellErrors(out *wire.OIPResult, errs []*failure.Error, bytes bool, rest []byte) []byte {
	texts := make([]string, len(errs))
	for i, err := range errs {
		if err != nil {
			texts[i] = err.Code + ": " + err.Detail
		}
		if bytes {
			rest = binary.LittleEndian.AppendUint32(rest, uint32(len(texts[i]))) //nolint:gosec // a sentence
			rest = append(rest, texts[i]...)
		}
	}
	if out.Datatype, out.Shape = "BYTES", []int{len(texts), 1}; !bytes {
		out.Data = texts
	}
	return rest
}
