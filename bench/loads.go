package main

import "fmt"

// A Load is a set of texts that arrive together.
type Load struct {
	Name    string
	About   string
	Ways    []string // of the ideal, where it takes half a minute: these alone, fewer rounds, and no warm-up of it
	Items   int      // of a request, where that is not one
	Clients int      // where they are not those of the settings
	texts   func(w *writer) []string
}

// shareAtLeast is asked of a server under every load: this part of what the best float32 engine reaches by itself.
const shareAtLeast = 0.95

// heavyWays are the ideal's under a heavy load: a text is longer than the smaller batches, and all share one prompt,
// which OpenVINO, on the padded graph, computes for each.
var heavyWays = []string{"padded 2048", "packed 16384"}

// loads are those whose share of the ideal is measured.
var loads = []Load{
	{
		Name: "lognormal-150", About: "128 texts, lengths log-normal around 150 tokens, one item each",
		texts: func(w *writer) []string { return w.logNormal(128, 150, 0.5) },
	},
	{
		Name: "short-35", About: "256 short texts, around 35 tokens, one item each",
		texts: func(w *writer) []string { return w.logNormal(256, 35, 0.25) },
	},
	{
		Name: "shared-4x16", About: "4 prompts × 16 responses, 500-token prompts, responses around 100 tokens, one item each",
		texts: func(w *writer) []string { return w.shared(4, 16, 500, 100) },
	},
	{
		Name: "best-of-64", About: "one request of 64 responses of about 100 tokens to a 2,000-token prompt", Ways: heavyWays, Items: 64,
		texts: func(w *writer) []string { return w.shared(1, 64, 2000, 100) },
	},
}

// Texts gives the load's texts of one round: the same for the same arguments, and shared with no other round.
// tokensPerWord is measured with the model's own tokenizer on Sample.
func (l Load) Texts(seed uint64, round int, tokensPerWord float64) []string {
	return l.texts(newWriter(seed, fmt.Sprintf("%s/%d", l.Name, round), tokensPerWord))
}

// perRequest is how many texts each request has.
func (l Load) perRequest() int { return max(1, l.Items) }
