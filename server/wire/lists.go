package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// list reads a list. Each value is read by read. An empty list becomes an empty slice, not nil.
func list[T any](d *decoder, into *[]T, limit bound, read func(d *decoder, into *T) error) error {
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	return elements(d, []T{}, into, limit, read)
}

// counted does what list does, but takes memory once. It guesses the number of values by counting what stands between
// two of them, up to the first "]". Where a string holds either, the guess is wrong, which costs memory and no more: at
// most the size of a T for each separator that is there.
func counted[T any](d *decoder, into *[]T, limit bound, between string, read func(d *decoder, into *T) error) error {
	if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
		return err
	}
	rest := d.in.UnreadBuffer()
	rest = rest[:max(0, bytes.IndexByte(rest, ']'))]
	n := max(0, min(limit.most, 1+bytes.Count(rest, []byte(between))))
	return elements(d, make([]T, 0, n), into, limit, read)
}

// elements reads what follows the opening bracket of a list. It appends the values to all, which must be empty.
func elements[T any](d *decoder, all []T, into *[]T, limit bound, read func(d *decoder, into *T) error) error {
	at := len(d.path)
	for d.in.PeekKind() != jsontext.KindEndArray {
		if len(all) >= limit.most {
			return d.over(limit)
		}
		if len(all) == cap(all) { // doubled, so that all that is thrown away is less than what is kept
			all = append(make([]T, 0, max(1, 2*len(all))), all...)
		}
		d.path = append(d.path, element(len(all)))
		all = append(all, *new(T))
		if err := read(d, &all[len(all)-1]); err != nil {
			return err
		}
		d.path = d.path[:at]
	}
	*into = all
	return d.leave()
}

// over is called before the first value beyond a limit. It refuses the text, or fails the item that is being read and
// passes over the rest of the list or object.
func (d *decoder) over(limit bound) error {
	if err := d.spoiled(limit.code, "more than %d, the limit of %s", limit.most, limit.of); err != nil {
		return err
	}
	for d.in.PeekKind() != jsontext.KindEndArray && d.in.PeekKind() != jsontext.KindEndObject {
		if err := d.skip(); err != nil {
			return err
		}
	}
	return d.leave()
}

// texts reads a list of strings.
func (d *decoder) texts(into *[]string, limit bound) error {
	return counted(d, into, limit, `","`, (*decoder).text)
}

// vector reads a list of numbers.
func (d *decoder) vector(into *[]float64, limit bound) error {
	return counted(d, into, limit, ",", (*decoder).number)
}

// ids reads a list of whole numbers.
func (d *decoder) ids(into *[]int64, limit bound) error {
	return counted(d, into, limit, ",", (*decoder).integer)
}

// named reads an object of numbers. An empty one becomes an empty map, not nil.
func (d *decoder) named(into *map[string]float64, limit bound) error {
	return byName(d, into, limit, (*decoder).number)
}

// byName reads an object of values by name, each once. An empty one becomes an empty map, not nil.
func byName[M ~map[string]T, T any](d *decoder, into *M, limit bound, read func(d *decoder, into *T) error) error {
	if err := d.enter(jsontext.KindBeginObject, "object"); err != nil {
		return err
	}
	all, at := M{}, len(d.path)
	for d.in.PeekKind() == jsontext.KindString {
		if len(all) >= limit.most {
			return d.over(limit)
		}
		var name string
		if err := d.text(&name); err != nil {
			return err
		}
		d.path = append(d.path, member(name))
		if _, twice := all[name]; twice && d.spoil == nil { // a name that is not Unicode is read as ""
			return d.invalid("given twice")
		}
		var value T
		if err := read(d, &value); err != nil {
			return err
		}
		all[name], d.path = value, d.path[:at]
	}
	*into = all
	return d.leave()
}
