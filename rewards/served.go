package rewards

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

// within says which part of a recipe an error is of.
func within(where string, err error) error {
	return failure.Of(err).Within(where)
}

// Serve adds a recipe, with the model of each of its readings by the reading's name. A reading without one gets the
// model that the recipe names, or the only one that gives what it needs. Nothing may be asked of the engine meanwhile.
func (e *Engine) Serve(r *recipes.Recipe, bind map[string]string) error {
	if e.recipeNamed(r.Name) != nil || slices.ContainsFunc(e.sources.all(), func(s Source) bool { return s.Info().Manifest.Name == r.Name }) {
		return fmt.Errorf("recipe %s: something else is served under this name", r.Name)
	}
	for name := range bind {
		if !slices.ContainsFunc(r.Readings, func(one recipes.Reading) bool { return one.Name == name }) {
			return fmt.Errorf("recipe %s: has no reading %q", r.Name, name)
		}
	}
	s, err := e.bound(r, bind)
	if err != nil {
		return err
	}
	e.served = append(e.served, *s)
	return nil
}

// bound finds the model of each reading of a recipe.
func (e *Engine) bound(r *recipes.Recipe, bind map[string]string) (*recipes.Served, error) {
	s := &recipes.Served{Recipe: r}
	for i := range r.Readings {
		name, err := e.modelOf(&r.Readings[i], bind)
		if err != nil {
			return nil, fmt.Errorf("recipe %s: readings.%s: %w", r.Name, r.Readings[i].Name, err)
		}
		s.Models = append(s.Models, name)
	}
	return s, nil
}

// own is the recipe that a request brings. It has the models that its readings name, or the only one that gives what a
// reading needs, and no states, which a server keeps for recipes of its own.
func (e *Engine) own(r *Request) (*recipes.Served, error) {
	if r.Model != "" {
		return nil, invalid("recipe: given together with model, and one of them answers")
	}
	parsed, err := recipes.Parse([]byte(r.Recipe))
	if err != nil {
		return nil, invalid("recipe: %v", err)
	}
	if len(parsed.States) > 0 {
		return nil, invalid("recipe: states are of recipes that the server has, and not of a request's own")
	}
	s, err := e.bound(parsed, nil)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return s, nil
}

// modelOf finds the model of a reading, and proves that it gives what the recipe needs of it.
func (e *Engine) modelOf(one *recipes.Reading, bind map[string]string) (string, error) {
	name := bind[one.Name]
	if name == "" {
		name = one.Model
	}
	if one.Tokenwise() && name == "" {
		return e.likely()
	}
	source, release, err := e.sources.acquire(name, kindsThatGive(one)...)
	if err != nil {
		return "", err
	}
	defer release()
	m := &source.Info().Manifest
	return m.Name, gives(m, one)
}

// gives is nil where a model of one of the kinds gives all that a recipe needs of a reading.
func gives(m *manifest.Manifest, one *recipes.Reading) error {
	if one.EachToken() && m.PoolsInGraph() {
		return fmt.Errorf("model %q pools its tokens in its graph, and gives no vector of each", m.Name)
	}
	if one.Tokenwise() && m.Likelihood == nil {
		return fmt.Errorf("model %q gives no log-probabilities", m.Name)
	}
	if one.Gives == recipes.Labels && (len(m.Graph.Labels) < 2 || m.Likelihood != nil) {
		return fmt.Errorf("model %q gives one score, and no labels", m.Name)
	}
	for _, label := range one.Labels {
		if one.Gives == recipes.Labels && !slices.Contains(m.Graph.Labels, label) {
			return fmt.Errorf("model %q has no label %q; it has %q", m.Name, label, m.Graph.Labels)
		}
	}
	return nil
}

// Fits is nil where a model may be served under its name, now or in the place of another: no recipe has the name, and
// every reading that recipes have of the model of this name can be had of it.
func (e *Engine) Fits(m *models.Info) error {
	name := m.Manifest.Name
	if e.recipeNamed(name) != nil {
		return fmt.Errorf("model %q: a recipe is served under this name", name)
	}
	for i := range e.served {
		s := &e.served[i]
		for k := range s.Readings {
			one := &s.Readings[k]
			if s.Models[k] != name {
				continue
			}
			if kinds := kindsThatGive(one); !slices.Contains(kinds, m.Manifest.Asked()) {
				return fmt.Errorf("recipe %s: readings.%s: model %q is %s now", s.Name, one.Name, name, m.Manifest.Asked().Model())
			}
			if err := gives(&m.Manifest, one); err != nil {
				return fmt.Errorf("recipe %s: readings.%s: %w", s.Name, one.Name, err)
			}
		}
	}
	return nil
}

// ReadBy names the recipes that read the model of that name.
func (e *Engine) ReadBy(name string) []string {
	var readers []string
	for i := range e.served {
		if slices.Contains(e.served[i].Models, name) {
			readers = append(readers, e.served[i].Name)
		}
	}
	return readers
}

func (e *Engine) recipeNamed(name string) *recipes.Served {
	for i := range e.served {
		if e.served[i].Name == name {
			return &e.served[i]
		}
	}
	return nil
}

// compose finds the models of a recipe. They stay until they are released, all together. A model that several readings
// are of is found once, so that all of them are of one revision of it.
func (e *Engine) compose(s *recipes.Served) (found *composed, release func(), err error) {
	found = &composed{Served: s, states: e.states}
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for i, name := range s.Models {
		if first := slices.Index(s.Models, name); first < i {
			found.sources = append(found.sources, found.sources[first])
			continue
		}
		source, done, err := e.sources.acquire(name, kindsThatGive(&s.Readings[i])...)
		if err != nil {
			release()
			return nil, nil, within("readings."+s.Readings[i].Name, err)
		}
		found.sources, releases = append(found.sources, source), append(releases, done)
	}
	return found, release, nil
}

// kindsThatGive lists the kinds of model that a reading may be of.
func kindsThatGive(one *recipes.Reading) []manifest.Kind {
	if one.Tokenwise() {
		return []manifest.Kind{manifest.KindReward, manifest.KindProcess}
	}
	if one.EachToken() {
		return []manifest.Kind{manifest.KindEmbedding}
	}
	switch one.Gives {
	case recipes.Steps:
		return []manifest.Kind{manifest.KindProcess}
	case recipes.Candidates:
		return []manifest.Kind{manifest.KindChoice}
	case recipes.Embedding:
		return []manifest.Kind{manifest.KindEmbedding}
	case recipes.Preferences:
		return []manifest.Kind{manifest.KindPair, manifest.KindPreference}
	case recipes.Score, recipes.Raw:
		return []manifest.Kind{manifest.KindReward, manifest.KindFeatures}
	case recipes.Labels:
	}
	return []manifest.Kind{manifest.KindReward}
}
