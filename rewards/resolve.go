package rewards

import (
	"errors"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

// subject is who a request is asked of: a model, or a recipe over several.
type subject struct {
	model  Source    // nil: a recipe
	recipe *composed // nil: a model
}

// of says what must be read for the request, or what of it makes no sense here.
func (s subject) of(r *Request) (recipe, error) {
	if s.recipe != nil {
		return s.recipe.of(r)
	}
	return recipeOf(s.model, r)
}

// identity is what an answer says of its subject.
type identity struct {
	name, digest        string
	revision, maxTokens int
}

func (s subject) identity() identity {
	if s.recipe != nil {
		return identity{s.recipe.Name, s.recipe.digest(), s.recipe.revision(), s.recipe.maxTokens()}
	}
	info := s.model.Info()
	return identity{info.Manifest.Name, info.Digest, info.Revision, info.Manifest.Limits.MaxTokens}
}

// resolve finds who answers; the caller releases it. Where a model of another kind is named, the error says which
// questions that one does answer.
func (e *Engine) resolve(r *Request) (of subject, release func(), err error) {
	if r.Recipe != "" {
		own, err := e.own(r)
		if err != nil {
			return subject{}, nil, err
		}
		found, release, err := e.compose(own)
		return subject{recipe: found}, release, err
	}
	if named := e.recipeNamed(r.Model); named != nil {
		found, release, err := e.compose(named)
		return subject{recipe: found}, release, err
	}
	if len(r.Params) > 0 {
		return subject{}, nil, invalid("params: are of recipes, and %q is none", fault.Short(r.Model))
	}
	if len(r.Given) > 0 {
		return subject{}, nil, invalid("given: is of recipes, and %q is none", fault.Short(r.Model))
	}
	name := r.Model
	if r.Question == Logprobs && name == "" {
		if name, err = e.likely(); err != nil {
			return subject{}, nil, err
		}
	}
	source, release, err := e.sources.acquire(name, e.answering(r)...)
	if err == nil {
		return subject{model: source}, release, nil
	}
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.CodeKind {
		return subject{}, nil, err
	}
	for _, other := range e.sources.all() {
		if info := other.Info(); info.Manifest.Name == r.Model {
			k := kindOf(info)
			return subject{}, nil, failure.New(fault.CodeKind, "%s; %s answers %s", known.Detail, k.of.Model(), strings.Join(k.words(&info.Manifest), ", "))
		}
	}
	return subject{}, nil, err
}

// answering lists the kinds of model that may answer a request. A tokenize request without a name goes to the model
// that a score request with the same items would go to, and to one of another kind only where no reward model reads
// text.
func (e *Engine) answering(r *Request) []manifest.Kind {
	switch {
	case r.Model != "":
	case r.Kind != "":
		return []manifest.Kind{r.Kind}
	case r.Question == Tokenize && slices.ContainsFunc(e.sources.all(), readsText):
		return []manifest.Kind{manifest.KindReward}
	}
	return answerers[r.Question]
}

// readsText tells a reward model that reads text from every other model.
func readsText(source Source) bool {
	info := source.Info()
	return info.Manifest.Asked() == manifest.KindReward
}
