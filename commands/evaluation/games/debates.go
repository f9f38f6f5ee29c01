package games

import "github.com/assay-rm/assay/commands/evaluation/samples"

// mostWins is the last bar of the histogram of [Debates], which has all claims that were won as often or more often.
const mostWins = 3

// Debated is the unit of a claim that was argued for in several debates, of which some were won: the share that was,
// and the bar of the histogram.
func Debated(won, debates int) []float64 {
	unit := make([]float64, 2+mostWins+1)
	unit[0], unit[1] = 1, float64(won)/float64(debates)
	unit[2+min(won, mostWins)] = 1
	return unit
}

// Debates is the family of [Debated], as LOGICOM is measured by (Payandeh et al., How susceptible are LLMs to Logical
// Fallacies?, 2023): the mean share of the debates over a claim that were won, which times the claims is the count of
// successes averaged over repetitions, and how many claims were won in none, in one, in two and in three or more.
func Debates() *samples.Family {
	metrics := []samples.Metric{samples.Share("success_rate", 1, 0)}
	for i, name := range []string{"won_0", "won_1", "won_2", "won_3_or_more"} {
		bar := samples.Share(name, 2+i, 0)
		bar.Detail = true
		metrics = append(metrics, bar)
	}
	return &samples.Family{Width: 2 + mostWins + 1, Sums: 2 + mostWins + 1, Metrics: metrics, Add: addAll}
}
