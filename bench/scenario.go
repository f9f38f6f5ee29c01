package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Scenario is one comparison in one run, with what is asked of it.
type Scenario struct {
	Name    string
	About   string
	Asked   string   // in words; empty: it is shown and not judged
	Servers []string // that must be given
	Large   bool     // its model is large: measured where it is asked for by name alone
	run     func(ctx context.Context, b *bench) (Result, error)
}

// scenarios is everything that can be measured, in the order it is.
func scenarios() []Scenario {
	var all []Scenario
	for _, load := range loads {
		all = append(all, shareScenario(load))
	}
	all = append(all, beamsScenario(ownParents), beamsScenario(fewParents), bulkScenario, connectionsScenario, singleScenario,
		arrivalsScenario, overloadScenario, crowdScenario, nullScenario, recipeScenario, filesScenario, precisionScenario, encoderScenario, evenScenario, budgetScenario)
	return slices.Concat(all, precisionScenarios(smallModel), []Scenario{rooflineScenario, soakScenario}, precisionScenarios(largeModel))
}

// choose picks scenarios by name, a list with commas; where it is empty all but the large ones.
func choose(all []Scenario, names string) ([]Scenario, error) {
	if names == "" {
		return slices.DeleteFunc(slices.Clone(all), func(s Scenario) bool { return s.Large }), nil
	}
	var chosen []Scenario
	for name := range strings.SplitSeq(names, ",") {
		at := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("load %q: not known; -list shows all", name)
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}

// list prints what can be measured.
func list(out io.Writer, chosen []Scenario) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range chosen {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Name, s.Asked, strings.Join(s.Servers, ", "), s.About) // Flush reports the error
	}
	return table.Flush()
}

// needed names the servers that the scenarios ask for.
func needed(chosen []Scenario) []string {
	var names []string
	for _, name := range allServers() {
		if slices.ContainsFunc(chosen, func(s Scenario) bool { return slices.Contains(s.Servers, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// Settings say how much is measured.
type Settings struct {
	Short     bool    `json:"short"`
	Before    bool    `json:"before,omitempty"` // beside another binary
	Rounds    int     `json:"rounds"`           // counted; one more comes first, to warm up
	Clients   int     `json:"clients"`          // of a closed loop
	Threads   int     `json:"threads"`          // of the ideal
	Seed      uint64  `json:"seed"`
	Tolerance float64 `json:"tolerance"`    // between a server's score and the padded graph's
	Soak      float64 `json:"soak_seconds"` // length of the soak
}

// fewRounds are counted of what takes long in the short form. A figure of one round could not be void, and is not
// quoted.
const fewRounds = 2

// bench is one run under way.
type bench struct {
	Settings
	ideal         Ideal
	ways          []string // of the ideal
	servers       servers
	rivals        []Target
	client        *Client
	tokensPerWord float64
	pause         time.Duration // between requests that are to find the other side's threads asleep
	capacity      float64       // of the binary before in requests/s, once it is known
	progress      func(format string, args ...any)

	startEncoder startIdeal // the encoder's graphs; nil: none were given
	startLarge   startIdeal // the large model's

	roofline func(ctx context.Context) (Roofline, error) // nil: it cannot be measured

	command command // the program; nil: none was given
	bundle  string  // of the reward model, of operators of our own in float32
}

// startIdeal starts an ideal that runs until done.
type startIdeal func(ctx context.Context) (ideal Ideal, done func() error, err error)

// calibrate measures the tokenizer on sample text, so that loads have about the tokens that their names say.
func (b *bench) calibrate() error {
	const words = 2000
	tokens, err := b.ideal.Load([]string{Sample(b.Seed, words)})
	if err != nil {
		return err
	}
	b.tokensPerWord = float64(tokens[0]) / words
	return nil
}

// writer makes the texts of one stream; streams of different names have no text in common.
func (b *bench) writer(stream string, round int) *writer {
	return newWriter(b.Seed, fmt.Sprintf("%s/%d", stream, round), b.tokensPerWord)
}

// measure runs one scenario. One that cannot be run, or not be finished, says why in its result.
func (b *bench) measure(ctx context.Context, s Scenario) Result {
	for _, name := range s.Servers {
		if _, given := b.servers[name]; !given {
			return Result{Name: s.Name, About: s.About, Skipped: fmt.Sprintf("no server %q was given", name)}
		}
	}
	start := time.Now()
	result, err := s.run(ctx, b)
	result.Name, result.About, result.Seconds = s.Name, s.About, time.Since(start).Seconds()
	if err != nil {
		result.Failed = err.Error()
	}
	return result
}

// score sends texts to a server in a closed loop, one in each request or all in one, and gives the pass with its
// answers.
func (b *bench) score(ctx context.Context, target Target, clients, per int, texts []string) (Pass, []Answer, error) {
	requests, err := target.requests(texts, per)
	if err != nil {
		return Pass{}, nil, err
	}
	pass, err := closedLoop(ctx, b.client.Post, clients, requests)
	if err != nil {
		return pass, nil, err
	}
	answers, err := target.answers(pass, len(texts))
	return pass, answers, err
}
