package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// form describes the JSON objects that become a T.
type form[T any] struct {
	fields  []field[T] // at most 64
	lenient bool       // unknown fields are passed over

	// other reads the value of an unknown field, whose path is set; nil: it is refused, unless the form is lenient.
	other func(d *decoder, name string) error

	check func(d *decoder, of *T) error // called at the end of the object; may be nil
}

// field is one member of a form; read takes its value.
type field[T any] struct {
	name     string
	required bool
	read     func(d *decoder, into *T) error
}

// within turns fields of an embedded struct into fields of the struct that embeds it.
func within[Outer, Inner any](inner func(*Outer) *Inner, fields []field[Inner]) []field[Outer] {
	lifted := make([]field[Outer], len(fields))
	for i, f := range fields {
		lifted[i] = field[Outer]{f.name, f.required, func(d *decoder, into *Outer) error { return f.read(d, inner(into)) }}
	}
	return lifted
}

// object reads an object.
func object[T any](d *decoder, f *form[T], into *T) error {
	if err := d.enter(jsontext.KindBeginObject, "object"); err != nil {
		return err
	}
	var seen uint64
	for d.in.PeekKind() == jsontext.KindString {
		raw, err := d.in.ReadValue()
		if err != nil {
			return d.syntax(err)
		}
		at := f.find(d, raw)
		if at < 0 {
			if err := unknown(d, f, raw); err != nil {
				return err
			}
			continue
		}
		d.path = append(d.path, member(f.fields[at].name))
		if seen&(1<<at) != 0 {
			return d.invalid("given twice")
		}
		seen |= 1 << at
		if err := f.fields[at].read(d, into); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	if err := d.leave(); err != nil {
		return err
	}
	for at := range f.fields {
		if f.fields[at].required && seen&(1<<at) == 0 {
			return d.invalid("expected required property %s to be present", f.fields[at].name)
		}
	}
	if f.check != nil {
		return f.check(d, into)
	}
	return nil
}

// find returns the index of the field with that quoted name, or -1.
func (f *form[T]) find(d *decoder, raw []byte) int {
	name := raw[1 : len(raw)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		d.scratch, _ = jsontext.AppendUnquote(d.scratch[:0], raw) // a name that is not Unicode equals no field's
		name = d.scratch
	}
	for i := range f.fields {
		if f.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// unknown refuses the field with that quoted name, or reads or passes over its value, as the form has it.
func unknown[T any](d *decoder, f *form[T], raw []byte) (err error) {
	name, whole := d.unquote(raw)
	d.path = append(d.path, member(name))
	switch {
	case f.other != nil && whole:
		err = f.other(d, name)
	case f.other != nil && d.lone:
		if err = d.notUnicode(raw); err == nil {
			err = d.skip()
		}
	case f.lenient:
		err = d.skip()
	default:
		err = d.fail(CodeUnknownField, "unknown field")
	}
	if err != nil {
		return err
	}
	d.path = d.path[:len(d.path)-1]
	return nil
}

// skip passes over a value, or the name of a member. The value may be of any kind, but not deeper than the limit.
func (d *decoder) skip() error {
	for begin := d.in.StackDepth(); ; {
		if err := d.leave(); err != nil {
			return err
		}
		switch depth := d.in.StackDepth() - begin; {
		case depth > d.limits.Depth:
			return d.invalid("lists and objects within each other: more than %d, the limit of depth", d.limits.Depth)
		case depth == 0:
			return nil
		}
	}
}

// missing refuses an object at its end, for what is wrong with the field of that name.
func (d *decoder) missing(name, detail string) error {
	d.path = append(d.path, member(name))
	return d.invalid("%s", detail)
}

// Fields are the names of the fields of a text that is a JSON object; of another text there are none, and of one that
// is broken those before the fault.
func Fields(text []byte) (names []string) {
	in := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if in.PeekKind() != jsontext.KindBeginObject {
		return nil
	}
	_, _ = in.ReadToken()
	for in.PeekKind() == jsontext.KindString {
		name, err := in.ReadToken()
		if err != nil {
			return names
		}
		names = append(names, name.String())
		if in.SkipValue() != nil {
			return names
		}
	}
	return names
}
