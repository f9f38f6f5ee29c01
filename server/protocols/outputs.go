package protocols

import (
	"fmt"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// activations of outputs, as clients of pooling servers ask for them.
type activation int

const (
	asServed  activation = iota // as the manifest says: what /v1/score calls score
	untouched                   // the raw output
	activated                   // a sigmoid, or a softmax of several labels, unless the manifest has one already
)

// last is the activation that a score request asks for, so that its scores are activated.
func (a activation) last(of *rewards.ModelInfo) string {
	switch {
	case a != activated || of != nil && activates(of):
		return ""
	case of != nil && several(of):
		return "softmax"
	}
	return "sigmoid"
}

func activates(of *rewards.ModelInfo) bool {
	none := func(a string) bool { return a == "" || a == "none" }
	return !none(of.Manifest.Head.Final) || !none(of.Manifest.Head.Activation)
}

// several tells a reward model whose labels are classes, each with a value of its own, from one whose labels make one
// score.
func several(of *rewards.ModelInfo) bool {
	m := &of.Manifest
	return len(m.Graph.Labels) > 1 && m.Likelihood == nil && m.Head.Label >= 0
}

// values are the outputs of a reward model for an item: one, or one for each label in the manifest's order.
func values(r *rewards.Result, of *rewards.ModelInfo, as activation) ([]float64, *failure.Error) {
	if of != nil && several(of) {
		by := r.Scores
		if as == untouched {
			by = r.Logits
		}
		all := make([]float64, len(of.Manifest.Graph.Labels))
		for i, label := range of.Manifest.Graph.Labels {
			all[i] = by[label]
		}
		return all, nil
	}
	switch {
	case as != untouched:
		return []float64{r.Score}, nil
	case !r.Raw.Known:
		return nil, noRaw()
	}
	return []float64{r.Raw.Value}, nil
}

// stepRows are the outputs of a process model for the steps of an item that have one, by label in the manifest's order.
func stepRows(r *rewards.StepsResult, of *rewards.ModelInfo, as activation) [][]float64 {
	act := "none"
	if of != nil {
		act = of.Manifest.Steps.Activation
	}
	all := make([][]float64, 0, len(r.Steps))
	for i := range r.Steps {
		if step := &r.Steps[i]; step.Score.Known {
			all = append(all, row(step, of, as, act))
		}
	}
	return all
}

// row is the output of one step, under a manifest with that activation.
func row(step *rewards.Step, of *rewards.ModelInfo, as activation, act string) []float64 {
	if step.Logits == nil || of == nil {
		switch {
		case as == untouched:
			return []float64{step.Raw.Value}
		case as == activated && act == "none":
			return []float64{ops.Sigmoid(step.Score.Value)}
		}
		return []float64{step.Score.Value}
	}
	row := make([]float64, len(of.Manifest.Graph.Labels))
	for i, label := range of.Manifest.Graph.Labels {
		row[i] = step.Logits[label]
	}
	switch {
	case as == untouched || as == asServed && act == "none":
		return row
	case act == "sigmoid":
		for i := range row {
			row[i] = ops.Sigmoid(row[i])
		}
		return row
	}
	return ops.Softmax(row)
}

// refused is the problem of an answer all of whose items failed alike, told of the first; nil where some have an
// answer. The field is what the protocol calls the items; %d in it is the item's number.
func refused(given *rewards.Answer, field string) error {
	if problem.Status(given.Errors()) < 400 {
		return nil
	}
	return failed(given, field)
}

// failed is the problem of the first item that failed, in protocols whose answer must have a number for every item; nil
// where none failed.
func failed(given *rewards.Answer, field string) error {
	at := 0
	for err := range given.Errors() {
		if err != nil {
			return Failed(err, numbered(field, at))
		}
		at++
	}
	return nil
}

// numbered is the name of one of the items of a field, which has a place for its number where there may be several.
func numbered(field string, at int) string {
	if field == "" || field[len(field)-1] != ']' {
		return field
	}
	return fmt.Sprintf(field, at)
}

// truncation is what a pooling server's truncate_prompt_tokens and truncation_side mean here, where items are cut to
// the model's own limit alone.
func truncation(p *wire.Pooler, of *rewards.ModelInfo) (string, error) {
	k := p.TruncatePromptTokens
	if k == nil {
		return "", nil
	}
	limit := 0
	if of != nil {
		limit = of.Manifest.Limits.MaxTokens
	}
	switch {
	case *k == -1, limit > 0 && *k == int64(limit):
		if p.TruncationSide != "" {
			return p.TruncationSide, nil
		}
		return "right", nil
	case limit == 0:
		return "", problem.New(failure.CodeInvalidField, "truncate_prompt_tokens: %d is given, and only -1 cuts to the limit of a model that is not named", *k)
	case *k > int64(limit):
		return "", problem.New(failure.CodeInvalidField, "truncate_prompt_tokens: %d is above max_tokens of the model, %d", *k, limit)
	}
	return "", problem.New(failure.CodeInvalidField, "truncate_prompt_tokens: %d is below max_tokens of the model, %d, to which alone items are cut; send -1", *k, limit)
}

// separator is the step mark of a process model, by which a conversation's last turn is split; nil: it has none.
func separator(of *rewards.ModelInfo) *string {
	if of == nil || of.Manifest.Asked() != manifest.KindProcess || of.Manifest.Steps.Separator == "" {
		return nil
	}
	return &of.Manifest.Steps.Separator
}
