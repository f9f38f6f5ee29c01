package rewards

// Budget bounds what the answer to one request may hold. A field that is 0 has its default.
type Budget struct {
	Compared int // responses to one prompt that are compared two by two; default 256
	Steps    int // of all items of a request together; default 65536
}

// Filled gives the budget with its defaults.
func (b Budget) Filled() Budget {
	if b.Compared == 0 {
		b.Compared = 256
	}
	if b.Steps == 0 {
		b.Steps = 1 << 16
	}
	return b
}
