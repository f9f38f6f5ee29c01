package recipes

import (
	"strings"
	"testing"
)

// TestStatesAreChecked: a state that is wrong is refused with its line.
func TestStatesAreChecked(t *testing.T) {
	const head = "recipe: 1\nname: n\ngiven:\n  who: {gives: word}\n  e: {gives: vector}\n  x: {}\nscore: 'x + sum(e) + (who == \"a\" ? 1 : 0) + %s'\nstate:\n  s: %s\n"
	for state, want := range map[string]string{
		`{kind: running, update: x}`: "s.mean | ", `{kind: running, key: who, update: "[x]"}`: "s.mean | state.s.update, column 1:",
		`{kind: sums}`:                                                    "s.mean | line 9: state.s.with: kind: \"sums\" is none of",
		`{kind: running, with: {capacity: 4}}`:                            "s.mean | line 9: state.s.with: capacity: a state of kind running has no such parameter",
		`{kind: running, with: {keyz: 4}}`:                                "s.mean | line 9: state.s.with: spec: json: unknown field",
		`{kind: running, keys: 4}`:                                        "s.mean | unknown field \"keys\"",
		`{kind: running}`:                                                 "s.median | line 7: score, column 39: s has no median",
		`{kind: running, key: e}`:                                         "s.mean | line 9: state.s.key: \"e\" is neither prompt, response nor a word of given",
		`{kind: running, key: nobody}`:                                    "s.mean | line 9: state.s.key: \"nobody\" is neither",
		`{kind: running, vector: e}`:                                      "s.mean | line 9: state.s.vector: a state of kind running is read without one",
		`{kind: neighbours, with: {width: 2}}`:                            "s.fused | line 9: state.s.vector: \"\" is neither a vector of given nor",
		`{kind: running, state: a/b}`:                                     "s.mean | line 9: state.s.state: name: \"a/b\" is none",
		`{kind: running, missing: {median: 0}}`:                           "s.mean | line 9: state.s.missing: \"median\" is none of count, deviation, mean, sample_deviation",
		`{kind: running, missing: {mean: .inf}}`:                          "s.mean | line 9: state.s.missing: \"mean\"",
		`{kind: running, update: {a: x}}`:                                 "s.mean | line 9: state.s.update: of kind running is one expression",
		`{kind: labels, update: e}`:                                       "s.count | line 9: state.s.update: the expression gives a vector, and must give a number",
		`{kind: users, with: {width: 2}, vector: e, update: x}`:           "s.reward | line 9: state.s.update: a state of kind users is fitted to pairs",
		`{kind: multipliers, with: {thresholds: {a: 1}}, update: {b: x}}`: "s.a | line 9: state.s.update: must have an expression for each constraint",
		`{kind: multipliers, with: {thresholds: {a: 1}}, key: who}`:       "s.a | line 9: state.s.key: a state of kind multipliers has one key",
		`{kind: labels }`:                                                 "1 | line 9: state.s: nothing reads or updates it",
	} {
		reads, want, _ := strings.Cut(want, " | ")
		text := strings.Replace(strings.Replace(head, "%s", reads, 1), "%s", state, 1)
		_, err := Parse([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", state, err, want)
		}
	}
}
