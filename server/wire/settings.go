package wire

import "github.com/go-json-experiment/json/jsontext"

// Settings are what a request gives by name: each a number, a text, a list of numbers, or a list of texts (float64,
// string, []float64 or []string).
type Settings map[string]any

// settings reads an object of them. An empty one becomes an empty map, not nil.
func (d *decoder) settings(into *Settings, limit bound) error {
	if err := d.enter(jsontext.KindBeginObject, "object"); err != nil {
		return err
	}
	all, at := Settings{}, len(d.path)
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
		value, err := d.setting()
		if err != nil {
			return err
		}
		all[name], d.path = value, d.path[:at]
	}
	*into = all
	return d.leave()
}

// setting reads one of them. Of a list the first value tells what the others must be; an empty list is of numbers.
func (d *decoder) setting() (any, error) {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is wrong
	case jsontext.KindNumber:
		var number float64
		err := d.number(&number)
		return number, err
	case jsontext.KindString:
		var text string
		err := d.text(&text)
		return text, err
	case jsontext.KindBeginArray:
		if err := d.enter(jsontext.KindBeginArray, "array"); err != nil {
			return nil, err
		}
		if d.in.PeekKind() == jsontext.KindString {
			var texts []string
			err := elements(d, []string{}, &texts, ofItem(d.limits.Given), (*decoder).text)
			return texts, err
		}
		var numbers []float64
		err := elements(d, []float64{}, &numbers, ofItem(d.limits.Given), (*decoder).number)
		return numbers, err
	}
	return nil, d.wrong("number, string or array")
}

// each reads the settings of every response, in their order.
func (d *decoder) each(into *[]Settings, most int) error {
	return list(d, into, ofRequest(most), func(d *decoder, of *Settings) error { return d.settings(of, ofRequest(d.limits.Params)) })
}
