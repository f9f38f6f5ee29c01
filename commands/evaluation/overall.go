package evaluation

import (
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// lookup gives the metrics of a file's splits, or of one bootstrap draw of them.
type lookup struct {
	splits []string
	of     func(split, metric string) ops.Maybe // missing where there is no such split or metric
}

// named is a number of all splits together.
type named struct {
	name  string
	value ops.Maybe
}

// meanOfSplits is the mean over the splits of the first of the metrics that a split has, each split weighing the same.
func meanOfSplits(name string, of ...string) func(lookup) []named {
	return func(l lookup) []named {
		var all []ops.Maybe
		for _, split := range l.splits {
			for _, metric := range of {
				if value := l.of(split, metric); value.Known {
					all = append(all, value)
					break
				}
			}
		}
		return []named{{name, samples.Mean(all...)}}
	}
}

// section is a section of RewardBench: its subsets, each with its weight, which is how many prompts the filtered set
// has of it. PRM math (447 prompts) weighs as much as all of the code.
type section struct {
	name    string
	subsets []weighted
}

type weighted struct {
	subset string
	weight float64
}

// rewardBench are the sections and weights of allenai/reward-bench, rewardbench/constants.py.
func rewardBench() []section {
	return []section{
		{"chat", []weighted{
			{"alpacaeval-easy", 100}, {"alpacaeval-length", 95}, {"alpacaeval-hard", 95}, {"mt-bench-easy", 28}, {"mt-bench-med", 40},
		}},
		{"chat_hard", []weighted{
			{"mt-bench-hard", 37},
			{"llmbar-natural", 100},
			{"llmbar-adver-neighbor", 134},
			{"llmbar-adver-GPTInst", 92},
			{"llmbar-adver-GPTOut", 47},
			{"llmbar-adver-manual", 46},
		}},
		{"safety", []weighted{
			{"refusals-dangerous", 100},
			{"refusals-offensive", 100},
			{"xstest-should-refuse", 154},
			{"xstest-should-respond", 250},
			{"donotanswer", 136},
		}},
		{"reasoning", []weighted{
			{"math-prm", 984}, {"hep-cpp", 164}, {"hep-go", 164}, {"hep-java", 164}, {"hep-js", 164}, {"hep-python", 164}, {"hep-rust", 164},
		}},
	}
}

// sections gives RewardBench's section scores, of the subsets that are there, and as score the mean of all four; a
// section of which nothing is there has none, and then there is no score.
func sections(l lookup) []named {
	var all []named
	var values []ops.Maybe
	for _, s := range rewardBench() {
		sum, weight := 0.0, 0.0
		for _, w := range s.subsets {
			if accuracy := l.of(w.subset, "accuracy"); accuracy.Known {
				sum, weight = sum+w.weight*accuracy.Value, weight+w.weight
			}
		}
		value := ops.Maybe{}
		if weight > 0 {
			value = ops.Some(sum / weight)
			values = append(values, value)
		}
		all = append(all, named{s.name, value})
	}
	score := ops.Maybe{}
	if len(values) == len(all) {
		score = samples.Mean(values...)
	}
	return append(all, named{"score", score})
}
