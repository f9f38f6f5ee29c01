package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/state"
)

// memory is a named state that expressions read and that a request may update once it is answered.
type memory struct {
	Name    string             // in expressions
	State   string             // name of the state: the recipe's and this one's, unless the file says another
	Spec    state.Spec         // that it is declared by
	Key     string             // Prompt, Response, or a word among the item's fields; empty: one key for all items
	Vector  string             // of users and neighbours: what is asked about, a vector among the item's fields or a reading of an embedding
	Missing map[string]float64 // what a number is where the state does not know it; another one fails the item
	Update  map[string]string  // expressions: "" of running, quantiles, labels and neighbours; of multipliers by constraint

	uses    []string // numbers that expressions read
	updates map[string]*vm.Program
}

// stateSpec is a state in the file.
type stateSpec struct {
	Kind    string             `yaml:"kind"`
	With    map[string]any     `yaml:"with"`
	State   string             `yaml:"state"`
	Key     string             `yaml:"key"`
	Vector  string             `yaml:"vector"`
	Missing map[string]float64 `yaml:"missing"`
	Update  updateSpec         `yaml:"update"`
}

// memory checks one state of the file; the error begins with what follows the field's name.
func (s *stateSpec) memory(r *Recipe, name string) (memory, error) {
	m := memory{Name: name, State: s.State, Key: s.Key, Vector: s.Vector, Missing: s.Missing, Update: s.Update}
	if m.State == "" {
		m.State = r.Name + "." + name
	}
	declared := map[string]any{"kind": s.Kind}
	maps.Copy(declared, s.With)
	text, err := json.Marshal(declared)
	if err != nil {
		return m, fmt.Errorf(".with: %w", err)
	}
	if m.Spec, err = state.ParseSpec(text); err != nil {
		return m, fmt.Errorf(".with: %w", err)
	}
	if err := m.Spec.Named(m.State); err != nil {
		return m, fmt.Errorf(".state: %w", err)
	}
	given := func(name string, as form) bool {
		return slices.ContainsFunc(r.Given, func(p Param) bool { return p.Name == name && p.Form == as })
	}
	embedded := slices.ContainsFunc(r.Readings, func(one Reading) bool { return one.Name == m.Vector && one.Gives == Embedding })
	vectors := m.Spec.Kind == state.Users || m.Spec.Kind == state.Neighbours
	switch {
	case m.Key != "" && m.Key != Prompt && m.Key != Response && !given(m.Key, aWordForm):
		return m, fmt.Errorf(".key: %q is neither prompt, response nor a word of given", fault.Short(m.Key))
	case vectors && !embedded && !given(m.Vector, aVectorForm):
		return m, fmt.Errorf(".vector: %q is neither a vector of given nor a reading of an embedding, and a state of kind %s is asked about one", fault.Short(m.Vector), m.Spec.Kind)
	case !vectors && m.Vector != "":
		return m, fmt.Errorf(".vector: a state of kind %s is read without one", m.Spec.Kind)
	case m.Spec.Kind == state.Multipliers && m.Key != "":
		return m, fmt.Errorf(".key: a state of kind %s has one key", m.Spec.Kind)
	}
	for number, x := range m.Missing {
		if !slices.Contains(m.Spec.Numbers(), number) || !ops.Finite(x) {
			return m, fmt.Errorf(".missing: %q is none of %s, or its number is not finite", fault.Short(number), strings.Join(m.Spec.Numbers(), ", "))
		}
	}
	return m, m.checkUpdate()
}

// checkUpdate refuses updates that the kind does not take of a request.
func (m *memory) checkUpdate() error {
	if m.Update == nil {
		return nil
	}
	_, plain := m.Update[""]
	switch m.Spec.Kind {
	case state.Users:
		return fmt.Errorf(".update: a state of kind %s is fitted to pairs, which POST /v1/state takes", m.Spec.Kind)
	case state.Multipliers:
		for name := range m.Spec.Thresholds {
			if _, there := m.Update[name]; !there || len(m.Update) != len(m.Spec.Thresholds) {
				return errors.New(".update: must have an expression for each constraint, by name: its mean over the request's items is the constraint's")
			}
		}
	default:
		if !plain {
			return fmt.Errorf(".update: of kind %s is one expression", m.Spec.Kind)
		}
	}
	return nil
}

// shape is what expressions see: a number for each of the kind's.
func (m *memory) shape() types.Type {
	of := types.Map{}
	for _, name := range m.Spec.Numbers() {
		of[name] = aNumber
	}
	return of
}

// nameStates gives the states their names, and counts what they need of an item as used.
func (r *Recipe) nameStates(of *scope) {
	for i := range r.States {
		m := &r.States[i]
		of.env[m.Name] = m.shape()
		of.used[m.Vector] = true
		if m.Key != Prompt && m.Key != Response { // which name texts that an expression may read
			of.used[m.Key] = true
		}
	}
}

// states takes the states of the file over.
func (r *Recipe) states(s *spec, where locator, named func(field, name string) error) error {
	for _, item := range s.State {
		if err := named("state", item.Key); err != nil {
			return err
		}
		m, err := item.Value.memory(r, item.Key)
		if err != nil {
			return where.wrong("state."+item.Key, "state.%s%w", item.Key, err)
		}
		r.States = append(r.States, m)
	}
	return nil
}

// compileStates compiles the updates, in which the score has a name too, and finds the numbers that expressions read.
func (r *Recipe) compileStates(of *scope) error {
	if r.Score != "" {
		of.env["score"] = aNumber
	}
	for i := range r.States {
		m := &r.States[i]
		m.updates = map[string]*vm.Program{}
		for name, expression := range m.Update {
			field := "state." + m.Name + ".update"
			program, gives, err := of.compile(expression)
			several := gives == aVector && (m.Spec.Kind == state.Running || m.Spec.Kind == state.Quantiles)
			if err == nil && gives != aNumber && !several {
				err = fmt.Errorf("the expression gives %s, and must give a number", nameOf(gives))
			}
			if err != nil {
				return of.where.inside(field, expression, err)
			}
			m.updates[name] = program
		}
	}
	delete(of.env, "score")
	for i := range r.States {
		m := &r.States[i]
		for _, number := range m.Spec.Numbers() {
			if of.used[m.Name+"."+number] {
				m.uses = append(m.uses, number)
			}
		}
		if m.uses == nil && m.Update == nil {
			return of.where.wrong("state."+m.Name, "state.%s: nothing reads or updates it", m.Name)
		}
	}
	return nil
}

// Lacks tells which number an expression would miss of what is known of a state, by the state's place; empty: none.
func (m *memory) Lacks(known map[string]float64) string {
	for _, name := range m.uses {
		_, there := known[name]
		if _, otherwise := m.Missing[name]; !there && !otherwise {
			return name
		}
	}
	return ""
}

// Reads tells whether an expression reads the state.
func (m *memory) Reads() bool { return m.uses != nil }

// value is what an expression sees of what is known.
func (m *memory) value(known map[string]float64) (any, error) {
	if lacks := m.Lacks(known); lacks != "" {
		return nil, fmt.Errorf("state %s has no %s", m.Name, lacks)
	}
	of := make(map[string]any, len(m.uses))
	for _, name := range m.uses {
		x, there := known[name]
		if !there {
			x = m.Missing[name]
		}
		of[name] = x
	}
	return of, nil
}

// remembered evaluates the updates of an item, by the state's name and then by the update's.
func (r *Recipe) remembered(env map[string]any, out *Outcome) error {
	if r.Score != "" {
		env["score"] = out.Score
	}
	for i := range r.States {
		m := &r.States[i]
		for name, program := range m.updates {
			value, err := run(program, env)
			if err != nil {
				return fmt.Errorf("state.%s.update: %w", m.Name, err)
			}
			numbers, ok := value.(vector)
			if x, one := value.(float64); one {
				numbers, ok = vector{x}, true
			}
			if !ok {
				return fmt.Errorf("state.%s.update: gives %T", m.Name, value)
			}
			if out.Updates == nil {
				out.Updates = map[string]map[string][]float64{}
			}
			if out.Updates[m.Name] == nil {
				out.Updates[m.Name] = map[string][]float64{}
			}
			out.Updates[m.Name][name] = numbers
		}
	}
	return nil
}
