package evaluation

import (
	"math"

	"github.com/assay-rm/assay/commands/evaluation/games"
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// played are the formats of logs, whose numbers no model is asked for.
func played() []*format {
	none := func(string) bool { return false }
	return []*format{
		{
			name: "glee", asks: askNothing, shown: []string{"game"},
			columns: columns("game", "share", "round", "first_discount", "second_discount", "price", "seller_value", "buyer_value", "good", "bought", "value", "worst"),
			read:    readGame, observe: observeLog, family: func(string) *samples.Family { return games.Family() },
			pooled: none,
		},
		{
			name: "debates", asks: askNothing, shown: []string{"claim", "scenario", "success"},
			columns: columns("claim", "scenario", "success"),
			read:    readDebate, observe: observeLog, family: func(string) *samples.Family { return games.Debates() },
			join:   func(string) joiner { return joinDebates },
			pooled: none,
		},
	}
}

func observeLog(e *example, _ *reading) ([]float64, *failure.Error) { return e.log, nil }

// readGame reads how a game of GLEE ended. Money is a share of what there is to divide, or of the price that the game
// is played at, as in the published code.
func readGame(d *reader) []example {
	kind := d.text("game")
	var game games.Game
	switch kind {
	case "bargaining":
		share, round := d.ended("share"), 1
		if share.Known {
			round = value[int](d, "round", "a whole number")
			d.within("share", share.Value, 0, 1)
			d.within("round", float64(round), 1, math.MaxInt32)
		}
		first, second := d.number("first_discount"), d.number("second_discount")
		d.within("first_discount", first, 0, 1)
		d.within("second_discount", second, 0, 1)
		game = games.Bargained(share, round, first, second)
	case "negotiation":
		game = games.Negotiated(d.ended("price"), d.number("seller_value"), d.number("buyer_value"))
	case "persuasion":
		good, bought := value[[]bool](d, "good", "a list of true and false"), value[[]bool](d, "bought", "a list of true and false")
		if len(good) != len(bought) || len(good) == 0 {
			d.wrong("bought", "has %d values, and good has %d: there is one of each round, and at least one round", len(bought), len(good))
			return nil
		}
		worth, worst := ops.Maybe{}, 0.0
		if d.row.given("value") {
			worth = ops.Some(d.number("value"))
		}
		if d.row.given("worst") {
			worst = d.number("worst")
		}
		game = games.Persuaded(good, bought, worth, worst)
	default:
		d.wrong("game", "is %q, and must be bargaining, negotiation or persuasion", kind)
	}
	e := example{split: d.split("split", "game"), log: game.Unit()}
	for _, number := range e.log {
		if math.IsNaN(number) || math.IsInf(number, 0) {
			d.wrong("game", "what it came to is not a finite number")
		}
	}
	return []example{e}
}

// ended is a number that must be there, or be null: then the players did not agree.
func (d *reader) ended(name string) ops.Maybe {
	if d.row.has(name) && !d.row.given(name) {
		return ops.Maybe{}
	}
	return ops.Some(d.number(name))
}

func (d *reader) number(name string) float64 { return value[float64](d, name, "a number") }

func (d *reader) within(name string, x, low, high float64) {
	if x < low || x > high {
		d.wrong(name, "is %g, and must be between %g and %g", x, low, high)
	}
}

// readDebate reads who won a debate over a claim: one row of each repetition.
func readDebate(d *reader) []example {
	e := example{split: d.split("split", "scenario"), key: d.name("claim"), log: []float64{number(value[bool](d, "success", "true or false"))}}
	if e.key == "" {
		d.wrong("claim", "is missing")
	}
	return []example{e}
}

// joinDebates makes a unit of the debates over a claim.
func joinDebates(all [][]float64) []float64 {
	won := 0
	for _, numbers := range all {
		won += int(numbers[0])
	}
	return games.Debated(won, len(all))
}
