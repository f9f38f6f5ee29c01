package evaluation

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assay-rm/assay/commands/evaluation/metrics"
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/failure"
)

// tiesSubset is the subset of RewardBench 2 that is scored in its own way.
const tiesSubset = "Ties"

// prmRedundant is the class of PRMBench's solutions with redundant steps, as the data set spells it.
const prmRedundant = "redundency" //nolint:misspell // the data set's

// prmCorrect is the class of PRMBench's solutions before they were spoilt.
const prmCorrect = "correct"

// readPair reads a prompt with a better and a worse response.
func readPair(d *reader) []example {
	e := example{split: d.split("split", "subset")}
	switch {
	case d.row.given("prompt") || d.row.given("question"):
		e.group = d.group("prompt", "question")
	default: // the prompt stands before the responses, in both the same
		_, messages := d.turns("chosen")
		if len(messages) < 2 {
			d.wrong("prompt", "is missing")
			return nil
		}
		e.group.Messages = messages[:len(messages)-1]
		e.group.Reference, e.group.Principle = d.optional("reference"), d.optional("principle")
	}
	e.group.Responses = []string{d.response("chosen"), d.response("rejected")}
	return []example{e}
}

// readJudgeBench reads a pair whose label says which response is right. Sources are grouped as the benchmark groups
// them.
func readJudgeBench(d *reader) []example {
	e := example{split: d.split("split", "source"), group: d.group("question")}
	for _, whole := range []string{"mmlu-pro", "livebench-reasoning", "livebench-math", "livecodebench"} {
		if strings.HasPrefix(e.split, whole) {
			e.split = whole
		}
	}
	e.group.Responses = []string{d.text("response_A"), d.text("response_B")}
	switch label := d.text("label"); label {
	case "A>B":
	case "B>A":
		slices.Reverse(e.group.Responses)
	default:
		d.wrong("label", `is %q, and must be "A>B" or "B>A"`, label)
	}
	return []example{e}
}

// readRewardBench2 reads a prompt with right and wrong responses. In the Ties subset an id is ref:N or tied:N, and both
// rows of N are one unit.
func readRewardBench2(d *reader) []example {
	e := example{split: d.split("subset", "split"), group: d.group("prompt")}
	right, wrong := d.texts("chosen"), d.texts("rejected")
	e.group.Responses, e.right = slices.Concat(right, wrong), len(right)
	if n := value[int](d, "num_correct", "a whole number"); n != len(right) {
		d.wrong("num_correct", "is %d, and chosen has %d responses", n, len(right))
	}
	if !isTies(e.split) {
		return []example{e}
	}
	kind, prompt, found := strings.Cut(d.name("id"), ":")
	switch {
	case !found || kind != "ref" && kind != "tied":
		d.wrong("id", "is %q, and must be ref:N or tied:N in the subset Ties", d.name("id"))
	case kind == "ref" && len(right) != 1, kind == "tied" && len(right) < 2:
		d.wrong("chosen", "has %d responses, and a prompt of kind %s of the subset Ties has one (ref) or several (tied)", len(right), kind)
	}
	e.key = prompt
	return []example{e}
}

func isTies(split string) bool { return strings.EqualFold(split, tiesSubset) }

func familyOfBench2(split string) *samples.Family {
	if isTies(split) {
		return metrics.Ties()
	}
	return metrics.Credits()
}

// readRewardMATH reads one of the solutions to a problem. A reward model reads its steps on lines of their own, as in
// the published code, and a process model the steps.
func readRewardMATH(d *reader) []example {
	e := example{split: d.split("split", "subset"), group: d.group("problem"), steps: d.texts("eval_solution"), key: d.name("problem_id")}
	switch kind := d.text("solution_type"); kind {
	case "chosen":
		e.right = 1
	case "rejected":
	default:
		d.wrong("solution_type", "is %q, and must be chosen or rejected", kind)
	}
	if e.key == "" {
		d.wrong("problem_id", "is missing")
	}
	e.group.Responses = []string{strings.Join(e.steps, "\n")}
	return []example{e}
}

// readSteps reads a solution with the index of its first wrong step, under either of its names.
func readSteps(d *reader) []example {
	label := "first_error"
	if !d.row.has(label) && d.row.has("label") {
		label = "label"
	}
	return []example{solution(d, d.split("split", "subset"), label, "prompt", "problem")}
}

// readProcessBench reads ProcessBench's rows, whose ids begin with their split: gsm8k-0.
func readProcessBench(d *reader) []example {
	split := d.split("split", "subset")
	if id := d.name("id"); split == "all" && id != "" {
		if end := strings.LastIndexByte(id, '-'); end > 0 {
			split = id[:end]
		}
	}
	return []example{solution(d, split, "label", "problem", "prompt")}
}

func solution(d *reader, split, label string, prompts ...string) example {
	e := example{split: split, group: d.group(prompts...), steps: d.texts("steps")}
	if first := d.index(label, len(e.steps)); first >= 0 {
		e.wrong = []int{first}
	}
	return e
}

// readPRMBench reads a spoilt solution with the numbers, from 1, of its wrong steps. A row of the class of
// redundant steps has the solution before it was spoilt too. The data set has numbers beyond the last step: they are of
// no step, as in the published code.
func readPRMBench(d *reader) []example {
	class := d.split("classification", "split")
	e := example{split: class, group: d.group("modified_question", "question"), steps: d.texts("modified_process")}
	for _, n := range value[[]int](d, "error_steps", "a list of step numbers") {
		e.wrong = append(e.wrong, n-1)
	}
	slices.Sort(e.wrong)
	e.wrong = slices.Compact(e.wrong)
	if class != prmRedundant || !d.row.given("original_process") {
		return []example{e}
	}
	return []example{e, {split: prmCorrect, group: d.group("original_question", "question"), steps: d.texts("original_process")}}
}

// readBestOf reads a prompt with a sampler's responses and, of each, whether it is right.
func readBestOf(d *reader) []example {
	e := example{split: d.split("split", "subset"), group: d.group("prompt")}
	e.group.Responses, e.truth = d.texts("responses"), value[[]bool](d, "correct", "a list of true and false")
	if have, want := len(e.truth), len(e.group.Responses); have != want {
		d.wrong("correct", "has %d values, and there are %d responses", have, want)
	}
	return []example{e}
}

// readGraded reads a prompt with responses and a grade of each.
func readGraded(d *reader) []example {
	e := example{split: d.split("split", "subset"), group: d.group("prompt")}
	e.group.Responses, e.grade = d.texts("responses"), value[[]float64](d, "grades", "a list of numbers")
	if have, want := len(e.grade), len(e.group.Responses); have != want {
		d.wrong("grades", "has %d values, and there are %d responses", have, want)
	}
	for _, grade := range e.grade {
		if grade < 0 {
			d.wrong("grades", "has %g, and grades must not be negative", grade)
		}
	}
	return []example{e}
}

// readStance reads what somebody says to a proposition before and after an attempt to persuade them.
func readStance(d *reader) []example {
	e := example{split: d.split("split", "subset"), group: d.group("prompt")}
	e.group.Responses = []string{d.text("before"), d.text("after")}
	return []example{e}
}

// examples reads a row as the format says, or says what is wrong with it.
func (f *format) examples(r row) ([]example, *failure.Error) {
	d := &reader{row: r}
	all := f.read(d)
	if d.err != nil {
		return nil, d.err
	}
	for i := range all {
		all[i].split = cmp.Or(all[i].split, "all")
	}
	return all, nil
}
