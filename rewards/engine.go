package rewards

import (
	"context"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/state"
)

// Engine answers requests over models that may change while it is asked. It is safe for concurrent use, and owns
// neither the models nor any goroutine between calls.
type Engine struct {
	sources registry
	served  []recipes.Served // in the order in which they were added
	states  *state.States    // that the recipes read and update; nil: none
}

// New makes an engine over the models of a registry.
func New(registry *models.Registry) *Engine { return &Engine{sources: local{registry}} }

// Ask answers a request. Its error is of the whole request, and [failure.Of] gives its code: a request that makes no
// sense, a model that there is not, a full queue, or a caller that is gone. Everything else, a deadline of ctx too,
// fails items only.
func (e *Engine) Ask(ctx context.Context, request Request) (Answer, error) {
	start := time.Now()
	if err := request.check(); err != nil {
		return Answer{}, err
	}
	subject, release, err := e.resolve(&request)
	if err != nil {
		return Answer{}, err
	}
	defer release()
	who := subject.identity()
	if request.Expect != "" && request.Expect != who.digest {
		return Answer{}, failure.New(failure.CodeDigest, "expect_digest: is %q, and %q has the digest %q", fault.Short(request.Expect), who.name, who.digest)
	}
	recipe, err := subject.of(&request)
	if err != nil {
		return Answer{}, err
	}
	read, err := gather(ctx, request.Caller, recipe.needs())
	if err != nil {
		return Answer{}, err
	}
	answer, err := recipe.answer(ctx, read)
	if err != nil {
		return Answer{}, err
	}
	answer.Question, answer.Usage = request.Question, usage(read)
	answer.Model, answer.Digest, answer.Revision, answer.MaxTokens = who.name, who.digest, who.revision, who.maxTokens
	answer.Own = request.Recipe != ""
	if subject.model != nil {
		answer.by = subject.model.Info()
	}
	answer.Usage.Total = time.Since(start)
	return answer, nil
}

// Probe reads one short item under the named model, through its queue and its graph. A nil error means that it works.
func (e *Engine) Probe(ctx context.Context, name string) error {
	source, release, err := e.sources.acquire(name, allKinds...)
	if err != nil {
		return err
	}
	defer release()
	return source.Probe(ctx)
}

// usage sums up what was read.
func usage(read []gathered) Usage {
	var u Usage
	for _, of := range read {
		u.Items += len(of.readings)
		u.Computed += of.computed
		for i := range of.readings {
			r := &of.readings[i]
			u.Tokens += r.Tokens
			u.Encode, u.Queue, u.Run = max(u.Encode, r.Encode), max(u.Queue, r.Queue), max(u.Run, r.Run)
		}
	}
	return u
}
