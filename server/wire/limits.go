package wire

// Limits bound the lists of a text. A limit of 0 stands for its default. More than Items or Compared refuse the request
// as too_many_items, and more than Kept as over_budget. More than another limit fail their item as too_long. The length
// of the text in bytes is for the caller to bound.
type Limits struct {
	Items    int // of a request: items, responses or queries; a pair counts two
	Compared int // responses of a compare, whose answer has the square of them; never more than Items
	Messages int // of a conversation
	Parts    int // of the content of a message
	Steps    int // of an item
	IDs      int // of an item: token ids, or numbers of a user's vector
	Features int // of an item

	Params     int // of a request to a recipe, and the fields of an item that it names
	Given      int // numbers or texts of one such field
	Updates    int // of a request to a state; its queries too, and the pairs of an update
	Cells      int // of the snapshot of a state
	Candidates int // of an item, or of a request for all of its items
	Depth      int // of lists and objects inside each other, in a field that is passed over

	Columns  int // of the items of a request, that are passed over
	ID       int // bytes of an id, as JSON writes it
	Metadata int // bytes of an item's metadata
	Kept     int // bytes of the metadata of all items of a request
}

// The defaults of [Limits].
const (
	DefaultItems    = 4096
	DefaultCompared = 512
	DefaultMessages = 4096
	DefaultParts    = 256
	DefaultSteps    = 32768
	DefaultIDs      = 1 << 20
	DefaultFeatures = 16384

	DefaultParams     = 64
	DefaultGiven      = 4096
	DefaultUpdates    = 256
	DefaultCells      = 100000
	DefaultCandidates = 256
	DefaultDepth      = 64

	DefaultColumns  = 64
	DefaultID       = 256
	DefaultMetadata = 64 << 10
	DefaultKept     = 8 << 20
)

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.Items, DefaultItems)
	set(&l.Compared, DefaultCompared)
	set(&l.Messages, DefaultMessages)
	set(&l.Parts, DefaultParts)
	set(&l.Steps, DefaultSteps)
	set(&l.IDs, DefaultIDs)
	set(&l.Features, DefaultFeatures)
	set(&l.Params, DefaultParams)
	set(&l.Given, DefaultGiven)
	set(&l.Updates, DefaultUpdates)
	set(&l.Cells, DefaultCells)
	set(&l.Candidates, DefaultCandidates)
	set(&l.Depth, DefaultDepth)
	set(&l.Columns, DefaultColumns)
	set(&l.ID, DefaultID)
	set(&l.Metadata, DefaultMetadata)
	set(&l.Kept, DefaultKept)
	l.Compared = min(l.Compared, l.Items)
	return l
}

// bound is the limit of one list, and whose limit it is.
type bound struct {
	most int
	of   string
	code string
}

func ofRequest(most int) bound { return bound{most, "a request", CodeTooManyItems} }
func ofItem(most int) bound    { return bound{most, "an item", CodeTooLong} }
