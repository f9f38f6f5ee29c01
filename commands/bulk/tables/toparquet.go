package tables

import (
	"io"

	"github.com/parquet-go/parquet-go"
)

// parquetRecords writes a Parquet file: records taken apart into columns, with their levels (Melnik et al., Dremel,
// 2010).
type parquetRecords struct {
	columns []Column
	out     *parquet.GenericWriter[any]
	leaves  [][]parquet.Value // of the record that is written, by leaf
	row     parquet.Row
	leaf    int
	rows    int
}

func newParquet(out io.Writer, columns []Column) records {
	schema := parquet.NewSchema("scores", node(&Column{Kind: Record, Of: columns}))
	return &parquetRecords{
		columns: columns, out: parquet.NewGenericWriter[any](out, schema, parquet.Compression(&parquet.Zstd)),
		leaves: make([][]parquet.Value, len(schema.Columns())),
	}
}

// ordered is a group whose columns stand in their own order, and not in that of their names.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func (o *ordered) Fields() []parquet.Field { return o.fields }

func node(c *Column) parquet.Node {
	switch {
	case c.Kind == Int:
		return parquet.Leaf(parquet.Int64Type)
	case c.Kind == Float:
		return parquet.Leaf(parquet.DoubleType)
	case c.lists():
		return parquet.List(parquet.Optional(node(c.element())))
	case c.Kind == Record:
		of := parquet.Group{}
		for i := range c.Of {
			of[c.Of[i].Name] = parquet.Optional(node(&c.Of[i]))
		}
		byName := map[string]parquet.Field{}
		for _, field := range of.Fields() {
			byName[field.Name()] = field
		}
		record := &ordered{Group: of}
		for i := range c.Of {
			record.fields = append(record.fields, byName[c.Of[i].Name])
		}
		return record
	}
	return parquet.String()
}

func (p *parquetRecords) write(record []byte) error {
	of, err := parse(record)
	if err != nil {
		return err
	}
	p.row, p.leaf = p.row[:0], 0
	for i := range p.leaves {
		p.leaves[i] = p.leaves[i][:0]
	}
	for i := range p.columns {
		if err := p.put(&p.columns[i], of[p.columns[i].Name], 0, 0, 0); err != nil {
			return err
		}
	}
	for _, values := range p.leaves {
		p.row = append(p.row, values...)
	}
	if _, err := p.out.WriteRows([]parquet.Row{p.row}); err != nil {
		return err
	}
	if p.rows++; p.rows%group == 0 {
		return p.out.Flush()
	}
	return nil
}

// put appends the values of a column: repetition is the level at which they begin, definition that of what is around
// them, and depth how many lists they are in.
func (p *parquetRecords) put(c *Column, value any, repetition, definition, depth int) error {
	switch {
	case value == nil:
		p.null(c, repetition, definition)
		return nil
	case c.lists():
		return p.list(c, value, repetition, definition, depth)
	case c.Kind == Record:
		of, err := members(c, value)
		if err != nil {
			return err
		}
		for i := range c.Of {
			if err := p.put(&c.Of[i], of[c.Of[i].Name], repetition, definition+1, depth); err != nil {
				return err
			}
		}
		return nil
	}
	one, err := leaf(c, value)
	if err != nil {
		return err
	}
	p.add(one, repetition, definition+1)
	return nil
}

// list appends the elements one after the other to the same leaves.
func (p *parquetRecords) list(c *Column, value any, repetition, definition, depth int) error {
	all, err := elements(c, value)
	if err != nil {
		return err
	}
	begin := p.leaf
	if len(all) == 0 {
		p.null(c, repetition, definition+1)
		return nil
	}
	for i, one := range all {
		p.leaf = begin
		if i > 0 {
			repetition = depth + 1
		}
		if err := p.put(c.element(), one, repetition, definition+2, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// null appends to every leaf of a column that nothing is there.
func (p *parquetRecords) null(c *Column, repetition, definition int) {
	switch {
	case c.lists():
		p.null(c.element(), repetition, definition)
	case c.Kind == Record:
		for i := range c.Of {
			p.null(&c.Of[i], repetition, definition)
		}
	default:
		p.add(parquet.NullValue(), repetition, definition)
	}
}

// add appends a value to the next leaf.
func (p *parquetRecords) add(value parquet.Value, repetition, definition int) {
	p.leaves[p.leaf] = append(p.leaves[p.leaf], value.Level(repetition, definition, p.leaf))
	p.leaf++
}

func leaf(c *Column, value any) (parquet.Value, error) {
	switch c.Kind { //nolint:exhaustive // the others are no leaves
	case Int:
		n, err := whole(c, value)
		return parquet.Int64Value(n), err
	case Float:
		x, err := float(c, value)
		return parquet.DoubleValue(x), err
	}
	s, err := text(c, value)
	return parquet.ByteArrayValue([]byte(s)), err
}

func (p *parquetRecords) end() error { return p.out.Close() }
