package rewards

import (
	"errors"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

// resolve finds the source that answers; the caller releases it. Where a model of another kind is named, the error says
// which questions that one does answer.
func (e *Engine) resolve(r *Request) (source Source, release func(), err error) {
	source, release, err = e.sources.acquire(r.Model, e.answering(r)...)
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.CodeKind {
		return source, release, err
	}
	for _, other := range e.sources.all() {
		if info := other.Info(); info.Manifest.Name == r.Model {
			k := kindOf(info)
			return nil, nil, failure.New(fault.CodeKind, "%s; a %s model answers %s", known.Detail, k.of, strings.Join(k.words(), ", "))
		}
	}
	return nil, nil, err
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
