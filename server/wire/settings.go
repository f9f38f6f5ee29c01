package wire

import "github.com/go-json-experiment/json/jsontext"

// Settings are what a request gives by name: each a number, a text, a list of numbers, or a list of texts (float64,
// string, []float64 or []string).
type Settings map[string]any

// settings reads an object of them. An empty one becomes an empty map, not nil.
func (d *decoder) settings(into *Settings, limit bound) error {
	return byName(d, into, limit, (*decoder).setting)
}

// setting reads one of them. Of a list the first value tells what the others must be; an empty list is of numbers.
func (d *decoder) setting(into *any) error {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is wrong
	case jsontext.KindNumber, jsontext.KindString:
		return d.numberOrText(into)
	case jsontext.KindBeginArray:
		if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
			return err
		}
		if d.in.PeekKind() == jsontext.KindString {
			var texts []string
			err := elements(d, []string{}, &texts, ofItem(d.limits.Given), (*decoder).text)
			*into = texts
			return err
		}
		var numbers []float64
		err := elements(d, []float64{}, &numbers, ofItem(d.limits.Given), (*decoder).number)
		*into = numbers
		return err
	}
	return d.wrong("number, string or array")
}

// numberOrText reads a number as a float64, and all else as a string.
func (d *decoder) numberOrText(into *any) error {
	if d.in.PeekKind() == jsontext.KindNumber {
		var number float64
		err := d.number(&number)
		*into = number
		return err
	}
	var text string
	err := d.text(&text)
	*into = text
	return err
}

// each reads the settings of every response, in their order.
func (d *decoder) each(into *[]Settings, most int) error {
	return list(d, into, ofRequest(most), func(d *decoder, of *Settings) error { return d.settings(of, ofRequest(d.limits.Params)) })
}
