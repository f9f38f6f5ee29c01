package wire

import "cmp"

// The rows below are those of the files that `assay eval` measures on. Further fields of a row are passed over. Split
// names the part of the data that a row belongs to, and may be empty.

// PairRow is a prompt with a better and a worse response.
type PairRow struct {
	Split    string `json:"split,omitempty"`
	Prompt   string `json:"prompt"`
	Chosen   string `json:"chosen"`
	Rejected string `json:"rejected"`
}

// StepRow is a solution in steps with the index of its first wrong one, which is -1 where every step is right. It is
// read under two pairs of names: prompt and first_error, where null stands for -1, or ProcessBench's problem and label.
type StepRow struct {
	Split      string   `json:"split,omitempty"`
	Prompt     string   `json:"prompt"`
	Steps      []string `json:"steps"`
	FirstError int      `json:"first_error"`
}

// BestRow is a prompt with a sampler's responses and, of each, whether it is right.
type BestRow struct {
	Split     string   `json:"split,omitempty"`
	Prompt    string   `json:"prompt"`
	Responses []string `json:"responses"`
	Correct   []bool   `json:"correct"`
}

func (r *PairRow) decode(d *decoder) error { return object(d, &pairRowForm, r) }
func (r *BestRow) decode(d *decoder) error { return object(d, &bestRowForm, r) }

var pairRowForm = form[PairRow]{lenient: true, fields: []field[PairRow]{
	{"split", false, func(d *decoder, r *PairRow) error { return d.text(&r.Split) }},
	{"prompt", true, func(d *decoder, r *PairRow) error { return d.text(&r.Prompt) }},
	{"chosen", true, func(d *decoder, r *PairRow) error { return d.text(&r.Chosen) }},
	{"rejected", true, func(d *decoder, r *PairRow) error { return d.text(&r.Rejected) }},
}}

var bestRowForm = form[BestRow]{
	lenient: true,
	fields: []field[BestRow]{
		{"split", false, func(d *decoder, r *BestRow) error { return d.text(&r.Split) }},
		{"prompt", true, func(d *decoder, r *BestRow) error { return d.text(&r.Prompt) }},
		{"responses", true, func(d *decoder, r *BestRow) error { return d.texts(&r.Responses, ofRequest(d.limits.Items)) }},
		{"correct", true, func(d *decoder, r *BestRow) error {
			return list(d, &r.Correct, ofRequest(d.limits.Items), (*decoder).boolean)
		}},
	},
	check: func(d *decoder, r *BestRow) error {
		if len(r.Responses) == 0 || len(r.Responses) != len(r.Correct) {
			return d.invalid("the row needs responses, and correct of the same length; they have %d and %d", len(r.Responses), len(r.Correct))
		}
		return nil
	},
}

// stepRow has what a step row gives under each of its names.
type stepRow struct {
	StepRow
	prompt, problem   *string
	firstError, label *int
}

func (r *StepRow) decode(d *decoder) error {
	var row stepRow
	if err := object(d, &stepRowForm, &row); err != nil {
		return err
	}
	prompt, wrong := cmp.Or(row.prompt, row.problem), cmp.Or(row.firstError, row.label)
	if prompt == nil || wrong == nil {
		return d.invalid("the row needs prompt, steps and first_error")
	}
	*r = row.StepRow
	r.Prompt, r.FirstError = *prompt, *wrong
	return nil
}

var stepRowForm = form[stepRow]{lenient: true, fields: []field[stepRow]{
	{"split", false, func(d *decoder, r *stepRow) error { return d.text(&r.Split) }},
	{"prompt", false, func(d *decoder, r *stepRow) error { return d.optional(&r.prompt) }},
	{"problem", false, func(d *decoder, r *stepRow) error { return d.optional(&r.problem) }},
	{"steps", true, func(d *decoder, r *stepRow) error { return d.texts(&r.Steps, ofItem(d.limits.Steps)) }},
	{"first_error", false, func(d *decoder, r *stepRow) error { return d.firstError(&r.firstError) }},
	{"label", false, func(d *decoder, r *stepRow) error { return d.firstError(&r.label) }},
}}

// firstError reads the index of a step; null and -1 say that there is none.
func (d *decoder) firstError(into **int) error {
	*into = new(-1)
	if none, err := d.null(); none || err != nil {
		return err
	}
	return d.index(*into, -1)
}
