package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"unicode/utf8"
)

var stateRequestForm = form[StateRequest]{
	fields: slices.Concat(
		within(func(r *StateRequest) *StateSpec { return &r.StateSpec }, stateSpecFields),
		[]field[StateRequest]{
			{"updates", false, func(d *decoder, r *StateRequest) error {
				return list(d, &r.Updates, ofRequest(d.limits.Updates), func(d *decoder, u *StateUpdate) error { return object(d, &stateUpdateForm, u) })
			}},
			{"reset", false, func(d *decoder, r *StateRequest) error { return d.boolean(&r.Reset) }},
			{"forget", false, func(d *decoder, r *StateRequest) error { return d.texts(&r.Forget, ofRequest(d.limits.Updates)) }},
			{"expect_version", false, func(d *decoder, r *StateRequest) error { return d.natural(&r.ExpectVersion) }},
		},
	),
	check: func(d *decoder, r *StateRequest) error { return r.one(d) },
}

// one refuses a body that is not a declaration, updates a reset or keys to forget, or that is two of them.
func (r *StateRequest) one(d *decoder) error {
	asks := 0
	for _, is := range []bool{r.Kind != "", r.Updates != nil, r.Reset, r.Forget != nil} {
		if is {
			asks++
		}
	}
	switch {
	case asks != 1:
		return d.invalid("expected one of kind, updates, reset and forget, got %d", asks)
	case r.Kind != "":
		if r.ExpectVersion != 0 {
			return d.invalid("a declaration has no expect_version")
		}
		return nil
	case !reflect.ValueOf(r.StateSpec).IsZero():
		return d.invalid("the parameters of a declaration need kind beside them")
	}
	switch {
	case r.Updates != nil:
		return d.some(len(r.Updates), "updates", "update")
	case r.Forget != nil:
		return d.some(len(r.Forget), "forget", "key")
	}
	return nil
}

var stateUpdateForm = form[StateUpdate]{
	fields: slices.Concat(
		within(func(u *StateUpdate) *StateKey { return &u.StateKey }, stateKeyFields),
		[]field[StateUpdate]{
			{"values", false, func(d *decoder, u *StateUpdate) error { return d.vector(&u.Values, ofRequest(d.limits.Given)) }},
			{"label", false, func(d *decoder, u *StateUpdate) error { return d.optionalNumber(&u.Label) }},
			{"seen", false, func(d *decoder, u *StateUpdate) error { return d.index(&u.Seen) }},
			{"means", false, func(d *decoder, u *StateUpdate) error { return d.named(&u.Means, ofRequest(d.limits.Params)) }},
			{"pairs", false, func(d *decoder, u *StateUpdate) error {
				return list(d, &u.Pairs, ofRequest(d.limits.Updates), func(d *decoder, p *VectorPair) error { return object(d, &vectorPairForm, p) })
			}},
			{"vector", false, func(d *decoder, u *StateUpdate) error { return d.vector(&u.Vector, ofRequest(d.limits.Given)) }},
			{"score", false, func(d *decoder, u *StateUpdate) error { return d.optionalNumber(&u.Score) }},
		},
	),
	check: func(d *decoder, u *StateUpdate) error { return u.check(d) },
}

// check refuses a key that is given in both ways.
func (k *StateKey) check(d *decoder) error {
	if k.Key != "" && k.Prompt != nil {
		return d.invalid("key and prompt are two ways to name a key")
	}
	return nil
}

var vectorPairForm = form[VectorPair]{fields: []field[VectorPair]{
	{"chosen", true, func(d *decoder, p *VectorPair) error { return d.vector(&p.Chosen, ofRequest(d.limits.Given)) }},
	{"rejected", true, func(d *decoder, p *VectorPair) error { return d.vector(&p.Rejected, ofRequest(d.limits.Given)) }},
}}

var stateReadForm = form[StateRead]{
	fields: []field[StateRead]{
		{"queries", false, func(d *decoder, r *StateRead) error {
			return list(d, &r.Queries, ofRequest(d.limits.Updates), func(d *decoder, q *StateQuery) error { return object(d, &stateQueryForm, q) })
		}},
	},
	check: func(d *decoder, r *StateRead) error { return d.some(len(r.Queries), "queries", "query") },
}

var stateQueryForm = form[StateQuery]{
	fields: slices.Concat(
		within(func(q *StateQuery) *StateKey { return &q.StateKey }, stateKeyFields),
		[]field[StateQuery]{
			{"quantile", false, func(d *decoder, q *StateQuery) error { return d.optionalNumber(&q.Quantile) }},
			{"vector", false, func(d *decoder, q *StateQuery) error { return d.vector(&q.Vector, ofRequest(d.limits.Given)) }},
			{"score", false, func(d *decoder, q *StateQuery) error { return d.optionalNumber(&q.Score) }},
		},
	),
	check: func(d *decoder, q *StateQuery) error { return q.check(d) },
}

var stateSnapshotForm = form[StateSnapshot]{fields: []field[StateSnapshot]{
	{"name", false, func(d *decoder, s *StateSnapshot) error { return d.text(&s.Name) }},
	{"version", false, func(d *decoder, s *StateSnapshot) error { return d.natural(&s.Version) }},
	{"spec", true, func(d *decoder, s *StateSnapshot) error { return object(d, &stateSpecForm, &s.Spec) }},
	{"cells", true, func(d *decoder, s *StateSnapshot) error {
		return list(d, &s.Cells, ofRequest(d.limits.Cells), func(d *decoder, c *StateCell) error { return object(d, &stateCellForm, c) })
	}},
}}

var stateCellForm = form[StateCell]{fields: []field[StateCell]{
	{"key", true, func(d *decoder, c *StateCell) error { return d.text(&c.Key) }},
	{"value", true, func(d *decoder, c *StateCell) error {
		raw, err := d.in.ReadValue()
		if err != nil {
			return d.syntax(err)
		}
		if raw[0] != '{' {
			return d.invalid("expected object, got %s", short(raw))
		}
		if !utf8.Valid(raw) {
			return d.fail(CodeBadJSON, "is not Unicode: bytes that are not UTF-8")
		}
		var value bytes.Buffer
		if err := json.Compact(&value, raw); err != nil {
			return d.syntax(err)
		}
		c.Value = value.Bytes()
		return nil
	}},
}}

// natural reads a whole number that is not below 0.
func (d *decoder) natural(into *int64) error {
	if err := d.integer(into); err != nil {
		return err
	}
	if *into < 0 {
		return d.invalid("%d is below 0", *into)
	}
	return nil
}

// given refuses an object without a field.
func (d *decoder) given(is bool, name string) error {
	if is {
		return nil
	}
	return d.invalid("expected required property %s to be present", name)
}
