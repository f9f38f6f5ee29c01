// Package protocols is the APIs of other servers, so that whoever speaks to one of them may speak to this one. Each
// file is one of them: a value that turns its bodies into requests to the engine, and answers of the engine into its
// bodies. It does nothing else, none knows another, and nothing here knows of connections, callers or limits of time.
package protocols

import (
	"net/http"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// Protocol is an API of another server. It gets every problem of its routes: a missing token, another method, a path
// under its prefix that no route has, a body that cannot be read, what the engine refuses, and a panic.
type Protocol struct {
	Name   string // as --protocols has it
	Prefix string // of the paths that are its own whether a route has them or not, such as "/v2/"; empty: there is none
	Routes []Route
	Tell   func(p *problem.Problem) Reply // its form of a problem, whose status it may change

	// Accepts looks at the headers before the body is read; nil: a body must be application/json.
	Accepts func(header http.Header) error
}

// Route is a line of a protocol's table. It has either Ask or Tell.
type Route struct {
	Method, Path string // a pattern of [http.ServeMux], without a method: "/v2/models/{model}/infer"
	Summary      string // for the schemas; empty: it stands in none
	Open         bool   // needs no token
	Takes, Gives any    // zero values of the bodies, for the schemas; nil: none

	// Claims tells whether a body is of this protocol, where others have the path too. Of those that have one path, the
	// first whose Claims holds has the body, and else the one without Claims. The native API comes before all of them
	// with every body that it can decode.
	Claims func(c *Call) bool

	Ask  func(c *Call) (Asked, error) // makes the question of a body
	Tell func(c *Call) (Reply, error) // answers without the engine
}

// Call is a request as a protocol sees it.
type Call struct {
	Request *http.Request // its headers, query and path values; its body has been read
	ID      string        // the request's, which the answer has in X-Request-Id
	Body    []byte        // lent: nothing may keep it when Ask or Tell returns
	Limits  wire.Limits
	Engine  Engine

	fields []string // of the body; nil: not looked for yet
}

// Engine is what a protocol may know of the engine beside its answers.
type Engine interface {
	Models() []rewards.ModelInfo
	Stats() []models.Stats                                                 // what each model is doing
	Pieces(model, text string, ids []int64) ([]encode.Piece, bool)         // where the ids of a text stand in it
	Decode(model string, ids []int64, plain bool) (text string, err error) // the text of ids
	Serves(name string) bool                                               // whether a model or a recipe has that name
	Ready() error                                                          // nil, or the problem of a server whose models do not answer
	Began() time.Time                                                      // since when the models are served
	Version() string                                                       // of this program
}

// Asked is the question of a body, and how its answer is written.
type Asked struct {
	rewards.Request
	Timeout time.Duration   // for the answer; 0: as long as the client waits
	Known   *rewards.Answer // where the engine need not be asked; nil: it is

	Reply func(given *rewards.Answer) (Reply, error)
}

// Reply is an answer as it goes out.
type Reply struct {
	Status int         // 0: 200
	Header http.Header // further headers; nil: none
	Body   any         // []byte goes out as it is, as JSON where no header says otherwise; nil is empty; all else becomes JSON
}

// Decode reads the body into a form, which must be zero.
func (c *Call) Decode(into wire.Form) error { return wire.DecodeBody(c.Body, into, c.Limits) }

// Has tells whether the body is a JSON object with that field.
func (c *Call) Has(field string) bool {
	if c.fields == nil {
		c.fields = append([]string{}, wire.Fields(c.Body)...)
	}
	return slices.Contains(c.fields, field)
}

// Model is the name to ask for, of one that a client gave. Many clients send a path or a word of their own: where it is
// no name of ours and one model alone answers the question, that one is meant, and the answer says its name.
func (c *Call) Model(given string, question rewards.Question) string {
	if given == "" || c.Engine.Serves(given) {
		return given
	}
	able, models := 0, c.Engine.Models()
	for i := range models {
		if slices.Contains(models[i].Answers, string(question)) {
			able++
		}
	}
	if able == 1 {
		return ""
	}
	return given
}

// Names are those of all protocols.
func Names() []string {
	all := All()
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return names
}

// All is every protocol, in the order in which they claim bodies.
func All() []Protocol {
	return []Protocol{
		openRLHF(), rerank(), tei(), nim(), infinity(), systemOne(), openAIDecisions(), oip(), gym(), evalProtocol(), ors(),
		vllm(), lmdeploy(), openAI(), sglang(), slime(), llamaFactory(), openR(), graders(),
	}
}
