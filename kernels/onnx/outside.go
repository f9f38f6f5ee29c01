package onnx

import "strconv"

// Outside is a weight of the graph whose numbers, row-major and little-endian, are Length bytes of another file, at
// Offset: as many as Kind, which may be any TensorProto.DataType, and Dims ask for.
type Outside struct {
	Name           string
	Kind           Kind
	Dims           []int64
	Location       string // of the file, from the folder of the graph
	Offset, Length int64
}

// addDims reads dimensions of a TensorProto; those of too many are left out.
func (o *Outside) addDims(f field) error {
	const longest = 10 // bytes of an integer
	switch {
	case len(o.Dims) > maxRank:
		return nil
	case len(f.data) > longest*maxRank:
		o.Dims = make([]int64, maxRank+1)
		return nil
	}
	return f.ints(&o.Dims)
}

// exact tells whether the file says where the numbers are, and they are as many as the dimensions ask for.
func (o *Outside) exact() bool {
	bytes := widest(int64(o.Kind))
	for _, dim := range o.Dims {
		bytes = times(bytes, max(0, dim))
	}
	return o.Location != "" && len(o.Dims) <= maxRank && o.Offset >= 0 && o.Length == bytes && bytes > 0
}

// readLocation gives the path that a StringStringEntryProto of a tensor's external data may have, else nothing.
func readLocation(f field) (string, error) { return new(Outside).readEntry(f) }

// readEntry reads a StringStringEntryProto, key 1 and value 2, of a tensor's external data: a location, which is a path
// and which it gives, an offset or a length, which are digits. Other entries do nothing.
func (o *Outside) readEntry(f field) (location string, err error) {
	var key, value string
	err = f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&key)
		case 2:
			return f.text(&value)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	switch key {
	case "location":
		o.Location = value
		return value, nil
	case "offset":
		o.Offset = digits(value)
	case "length":
		o.Length = digits(value)
	}
	return "", nil
}

// digits is a number as external data has it, -1 where it is none.
func digits(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
