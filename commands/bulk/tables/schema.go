package tables

// Column is a column of records: what a member of their JSON objects is in a Parquet or an Arrow file. Every column may
// be null.
type Column struct {
	Name string
	Kind Kind
	Of   []Column // of a record its columns, of a list its one element
}

// Kind is what the values of a column are.
type Kind int

// The kinds. Numbers by name are a list of records of a name and a value, in the order of names.
const (
	Int Kind = iota
	Float
	Text
	JSON // any value, as text
	List
	Record
	Named
)

// named is the element of numbers by name.
var named = Column{Name: "element", Kind: Record, Of: []Column{{Name: "name", Kind: Text}, {Name: "value", Kind: Float}}}

// element is what a list, or numbers by name, has.
func (c *Column) element() *Column {
	if c.Kind == Named {
		return &named
	}
	return &c.Of[0]
}

// lists tells whether a column has elements.
func (c *Column) lists() bool { return c.Kind == List || c.Kind == Named }
