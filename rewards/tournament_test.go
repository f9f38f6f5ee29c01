package rewards

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/ranking"
)

// TestTournamentByRounds: a client that asks a pair model for the games alone, as pairs and round by round, comes to
// the best and the worst of rank's tournament with fewer sequences, which docs/API.md counts.
func TestTournamentByRounds(t *testing.T) {
	e := preferenceEngine(t, pairManifest("probability"))
	for n, want := range map[int]struct{ games, rounds, rank int }{2: {2, 2, 2}, 8: {11, 4, 56}, 32: {47, 6, 992}} {
		responses := make([]string, n)
		for i := range responses {
			responses[i] = fmt.Sprintf("response %d of %d", i*i*7%n, i)
		}
		answer, err := e.Ask(t.Context(), Request{Question: Rank, Groups: to("p", responses...), Choice: ranking.Choice{Strategy: ranking.Tournament}})
		if err != nil || answer.Selection.Err != nil {
			t.Fatal(err, answer.Selection.Err)
		}
		games, sequences, rounds := 0, 0, 0
		play := func(sides ...[]string) (winners, losers [][]string) {
			var groups []Group
			for _, side := range sides {
				for i := 0; i < len(side); i += 2 {
					groups = append(groups, to("p", side[i], side[i+1])...)
				}
			}
			played, err := e.Ask(t.Context(), Request{Question: Pairs, Groups: groups})
			if err != nil {
				t.Fatal(err)
			}
			rounds++
			games += len(groups)
			sequences += played.Usage.Items
			for _, side := range sides {
				var won, lost []string
				for i := 0; i < len(side); i += 2 {
					if played.Pairs[0].Probability >= 0.5 {
						won, lost = append(won, side[i]), append(lost, side[i+1])
					} else {
						won, lost = append(won, side[i+1]), append(lost, side[i])
					}
					played.Pairs = played.Pairs[1:]
				}
				winners, losers = append(winners, won), append(losers, lost)
			}
			return winners, losers
		}
		won, lost := play(responses)
		best, worst := won[0], lost[0]
		for len(best) > 1 {
			won, lost = play(best, worst)
			best, worst = won[0], lost[1]
		}
		play([]string{best[0], worst[0]})
		picks := answer.Selection.Picks
		if diff := cmp.Diff([]string{responses[picks[0].Index], responses[picks[1].Index]}, []string{best[0], worst[0]}); diff != "" {
			t.Errorf("of %d responses: %s", n, diff)
		}
		played := len(answer.Selection.Bracket.Games)
		if games != want.games || rounds != want.rounds || sequences != 2*want.games || answer.Usage.Items != want.rank || played != games {
			t.Errorf("of %d responses: %d games and %d sequences in %d rounds, and rank plays %d and reads %d; want %+v",
				n, games, sequences, rounds, played, answer.Usage.Items, want)
		}
	}
}
