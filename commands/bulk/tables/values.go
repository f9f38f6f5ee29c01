package tables

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// parse reads a record. Its numbers are kept as they are written.
func parse(record []byte) (map[string]any, error) {
	in := json.NewDecoder(bytes.NewReader(record))
	in.UseNumber()
	var of map[string]any
	if err := in.Decode(&of); err != nil {
		return nil, fmt.Errorf("a record is no JSON object: %w", err)
	}
	return of, nil
}

// elements are those of a list, or of numbers by name.
func elements(c *Column, value any) ([]any, error) {
	switch of := value.(type) {
	case []any:
		return of, nil
	case map[string]any:
		all := make([]any, 0, len(of))
		for _, name := range slices.Sorted(maps.Keys(of)) {
			all = append(all, map[string]any{"name": name, "value": of[name]})
		}
		return all, nil
	}
	return nil, wrong(c, value)
}

// members are those of a record.
func members(c *Column, value any) (map[string]any, error) {
	of, ok := value.(map[string]any)
	if !ok {
		return nil, wrong(c, value)
	}
	return of, nil
}

func whole(c *Column, value any) (int64, error) {
	if number, ok := value.(json.Number); ok {
		return number.Int64()
	}
	return 0, wrong(c, value)
}

func float(c *Column, value any) (float64, error) {
	if number, ok := value.(json.Number); ok {
		return number.Float64()
	}
	return 0, wrong(c, value)
}

// text is a text or a number as it is, and of JSON what it is written as.
func text(c *Column, value any) (string, error) {
	if c.Kind == JSON {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return "", err
		}
		return string(bytes.TrimRight(out.Bytes(), "\n")), nil
	}
	switch of := value.(type) {
	case string:
		return of, nil
	case json.Number:
		return of.String(), nil
	}
	return "", wrong(c, value)
}

func wrong(c *Column, value any) error { return fmt.Errorf("column %s cannot be %v", c.Name, value) }
