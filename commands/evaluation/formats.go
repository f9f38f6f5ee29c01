package evaluation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-rm/assay/commands/evaluation/metrics"
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// ask is what a model is asked about an example.
type ask int

const (
	askPair      ask = iota // which of two responses is preferred, the first one being better
	askResponses            // a score of each response
	askSteps                // a score of each step
	askNothing              // no model is asked: the row has it all
)

// suits tells whether a model that answers those questions can be asked.
func (a ask) suits(answers []string) bool {
	steps, compares := asked(answers, rewards.Steps), asked(answers, rewards.Compare)
	switch a {
	case askPair:
		return compares
	case askSteps:
		return steps
	case askNothing:
		return false
	case askResponses:
	}
	return steps || compares
}

// asked tells whether a question is among those that a model answers.
func asked(answers []string, q rewards.Question) bool { return slices.Contains(answers, string(q)) }

// example is what a row asks about, with what is known of it.
type example struct {
	split string
	key   string        // examples that are one unit together have one, and a unit of their own none
	group rewards.Group // the prompt, and the responses
	steps []string      // askSteps: of the solution; askResponses: of the only response
	right int           // askResponses: the first so many responses are right, the others wrong
	truth []bool        // askResponses: which are right, in place of right
	grade []float64     // askResponses: how good they are, in place of right
	wrong []int         // askSteps: the steps that are wrong, in order
	log   []float64     // askNothing: what the row comes to
}

// format is a kind of file: how its rows are told and read, and what is made of the answers.
type format struct {
	name    string
	asks    ask
	shown   []string // a row with all of these columns, null or not, is of this format
	columns []string // of a Parquet file, those that are read
	read    func(d *reader) []example
	observe func(e *example, r *reading) ([]float64, *failure.Error)
	family  func(split string) *samples.Family
	join    func(split string) joiner // of examples with a key; nil: no example has one

	pooled  func(split string) bool // splits that a metric over all rows is of; nil: all
	overall func(of lookup) []named // of the splits together; nil: nothing
}

// joiner makes a unit of the numbers observed of the examples that belong together; nil where they make none.
type joiner func(all [][]float64) []float64

// beside are columns that any row may have.
var beside = []string{"split", "subset", "id", "reference", "principle"}

func columns(names ...string) []string { return append(names, beside...) }

// formats are all formats; where a row shows several, the first is meant.
func formats() []*format {
	pairs := func(string) *samples.Family { return metrics.Pairs() }
	return append([]*format{
		{
			name: "judgebench", asks: askPair, shown: []string{"response_A", "response_B", "label"},
			columns: columns("question", "response_A", "response_B", "label", "source"),
			read:    readJudgeBench, observe: observePair, family: pairs,
		},
		{
			name: "prmbench", asks: askSteps, shown: []string{"modified_process", "error_steps"},
			columns: columns("question", "original_question", "modified_question", "original_process", "modified_process", "error_steps", "classification", "idx"),
			read:    readPRMBench, observe: observeLabels, family: func(string) *samples.Family { return metrics.StepLabels() },
			pooled: func(split string) bool { return split != prmCorrect },
		},
		{
			name: "rewardmath", asks: askResponses, shown: []string{"eval_solution", "solution_type", "problem_id"},
			columns: columns("problem", "eval_solution", "solution_type", "problem_id"),
			read:    readRewardMATH, observe: observeSolution, family: func(string) *samples.Family { return metrics.Against() },
			join: func(string) joiner { return joinSolutions },
		},
		{
			name: "rewardbench2", asks: askResponses, shown: []string{"chosen", "rejected", "num_correct"},
			columns: columns("prompt", "chosen", "rejected", "num_correct"),
			read:    readRewardBench2, observe: observeMany, family: familyOfBench2,
			join:   func(string) joiner { return joinTies },
			pooled: func(string) bool { return false }, overall: meanOfSplits("score", "accuracy", "ties_score"),
		},
		{
			name: "rewardbench", asks: askPair, shown: []string{"prompt", "chosen", "rejected", "subset", "chosen_model"},
			columns: columns("prompt", "chosen", "rejected"),
			read:    readPair, observe: observePair, family: pairs, overall: sections,
		},
		{
			name: "processbench", asks: askSteps, shown: []string{"problem", "steps", "label"},
			columns: columns("problem", "prompt", "steps", "label"),
			read:    readProcessBench, observe: observeFirst, family: func(string) *samples.Family { return metrics.FirstErrors() },
			overall: meanOfSplits("mean_f1", "f1"),
		},
		{
			name: "steps", asks: askSteps, shown: []string{"steps", "first_error"},
			columns: columns("prompt", "problem", "steps", "first_error", "label"),
			read:    readSteps, observe: observeFirst, family: func(string) *samples.Family { return metrics.FirstErrors() },
		},
		{
			name: "best-of", asks: askResponses, shown: []string{"responses", "correct"},
			columns: columns("prompt", "responses", "correct"),
			read:    readBestOf, observe: observeBest, family: func(string) *samples.Family { return metrics.BestOfN() },
		},
		{
			name: "graded", asks: askResponses, shown: []string{"responses", "grades"},
			columns: columns("prompt", "responses", "grades"),
			read:    readGraded, observe: observeGraded, family: func(string) *samples.Family { return metrics.Grades() },
		},
		{
			name: "stance", asks: askResponses, shown: []string{"before", "after"},
			columns: columns("prompt", "before", "after"),
			read:    readStance, observe: observeStance, family: func(string) *samples.Family { return metrics.Stances() },
		},
		{
			name: "rag-rewardbench", asks: askPair,
			columns: columns("prompt", "question", "chosen", "rejected"),
			read:    readPair, observe: observePair, family: pairs,
		},
		{
			name: "pairs", asks: askPair, shown: []string{"chosen", "rejected"},
			columns: columns("prompt", "question", "chosen", "rejected"),
			read:    readPair, observe: observePair, family: pairs,
		},
	}, played()...)
}

// Formats lists the names of all formats.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// formatOf is the format of that name, which must be one of [Formats].
func formatOf(name string) *format {
	all := formats()
	return all[slices.IndexFunc(all, func(f *format) bool { return f.name == name })]
}

// found is the format that a row shows.
func found(r row) (*format, *failure.Error) {
	for _, f := range formats() {
		if len(f.shown) > 0 && r.has(f.shown...) {
			return f, nil
		}
	}
	var known []string
	for _, f := range formats() {
		if len(f.shown) > 0 {
			known = append(known, fmt.Sprintf("%s (%s)", f.name, strings.Join(f.shown, ", ")))
		}
	}
	return nil, failure.New(failure.CodeInvalidField, "the columns are of no known format, which are told by: %s", strings.Join(known, "; "))
}

// reading is what a model said of an example.
type reading struct {
	err       *failure.Error
	pair      *rewards.PairResult
	scores    []float64 // of the responses
	best      int       // the response that is ranked first
	steps     *rewards.StepsResult
	threshold float64
}

func observePair(_ *example, r *reading) ([]float64, *failure.Error) {
	pair := r.pair
	if pair.Err != nil {
		return nil, pair.Err
	}
	hit := pair.Margin > 0
	if pair.Chosen != nil { // where both responses have scores these decide, whatever the preference is made of
		hit = pair.Chosen.Score > pair.Rejected.Score
	}
	return metrics.Pair(hit, pair.Margin), nil
}

func observeFirst(e *example, r *reading) ([]float64, *failure.Error) {
	if len(e.wrong) == 0 {
		return metrics.FirstError(false, r.steps.FirstError < 0), nil
	}
	return metrics.FirstError(true, r.steps.FirstError == e.wrong[0]), nil
}

// observeLabels takes a step for wrong where it scores below the threshold. A step without a score counts nowhere.
func observeLabels(e *example, r *reading) ([]float64, *failure.Error) {
	var of metrics.Steps
	for i, step := range r.steps.Steps {
		if !step.Score.Known {
			continue
		}
		right := step.Score.Value >= r.threshold
		switch wrong := slices.Contains(e.wrong, i); {
		case right && wrong:
			of.FP++
		case right:
			of.TP++
		case wrong:
			of.TN++
		default:
			of.FN++
		}
		if len(e.wrong) > 0 && i == e.wrong[0] {
			of.First = ops.Some(0)
			if !right {
				of.First = ops.Some(1)
			}
		}
	}
	return of.Unit(), nil
}

func observeMany(e *example, r *reading) ([]float64, *failure.Error) {
	right, wrong := r.scores[:e.right], r.scores[e.right:]
	if e.key == "" {
		return metrics.OneOfMany(right, wrong), nil
	}
	spread := metrics.NewSpread(right, wrong)
	return []float64{number(len(right) > 1), number(spread.Accurate), spread.Margin, spread.Within}, nil
}

func observeSolution(e *example, r *reading) ([]float64, *failure.Error) {
	return []float64{float64(e.right), r.scores[0]}, nil
}

func observeBest(e *example, r *reading) ([]float64, *failure.Error) {
	return metrics.BestOf(r.scores, e.truth, e.truth[r.best]), nil
}

func observeGraded(e *example, r *reading) ([]float64, *failure.Error) {
	unit, err := metrics.Graded(r.scores, e.grade)
	if err != nil {
		return nil, failure.New(failure.CodeInvalidField, "grades: %v", err)
	}
	return unit, nil
}

// observeStance takes a score at the threshold, or at 0 where none is given, for agreement.
func observeStance(_ *example, r *reading) ([]float64, *failure.Error) {
	return metrics.Stance(r.scores[0], r.scores[1], r.threshold), nil
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// joinSolutions makes a unit of the solutions to one problem, of which one is right and one wrong at least.
func joinSolutions(all [][]float64) []float64 {
	var right, wrong []float64
	for _, numbers := range all {
		if numbers[0] == 1 {
			right = append(right, numbers[1])
		} else {
			wrong = append(wrong, numbers[1])
		}
	}
	if len(right) == 0 || len(wrong) == 0 {
		return nil
	}
	return metrics.OneOfMany(right, wrong)
}

// joinTies makes a unit of a prompt of the Ties subset, by what was observed of its ref and its tied row.
func joinTies(all [][]float64) []float64 {
	var of [2]*metrics.Spread
	for _, numbers := range all {
		of[int(numbers[0])] = &metrics.Spread{Accurate: numbers[1] == 1, Margin: numbers[2], Within: numbers[3]}
	}
	return metrics.Tie(of[0], of[1])
}
