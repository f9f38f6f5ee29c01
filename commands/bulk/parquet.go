package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
)

// Parquet reads the rows of a Parquet file in bounded memory: a few pages of each column at a time. A row becomes a
// [Line] with the JSON object of its columns, numbered from 1. Text columns must be UTF-8; a value that JSON does not
// have, as NaN, makes its row one that cannot be read.
type Parquet struct {
	file    *parquet.File
	size    int64
	fields  []*parquet.Column // the columns that are read
	group   int               // the next row group
	rows    parquet.RowReadSeekCloser
	inGroup int64 // rows of the group that are passed
	buffer  []parquet.Row
	number  int // of the last row read
}

// NewParquet reads a file of so many bytes, whose owner closes it. Only the named columns are read, of the top level,
// where the file has them; no name: all.
func NewParquet(in io.ReaderAt, size int64, columns []string) (p *Parquet, err error) {
	defer recovered(&err)
	file, err := parquet.OpenFile(in, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, fmt.Errorf("the Parquet file cannot be read: %w", err)
	}
	p = &Parquet{file: file, size: size, buffer: make([]parquet.Row, 1)}
	for _, column := range file.Root().Columns() {
		if columns == nil || slices.Contains(columns, column.Name()) {
			p.fields = append(p.fields, column)
		}
	}
	if len(p.fields) == 0 {
		return nil, errors.New("the Parquet file has none of the columns that are read")
	}
	return p, nil
}

// recovered turns a panic of the library on a broken file into an error.
func recovered(err *error) {
	if broken := recover(); broken != nil {
		*err = fmt.Errorf("the Parquet file cannot be read: %v", broken)
	}
}

// Done is the share of the file that the rows read are of all, in bytes.
func (p *Parquet) Done() int64 {
	if all := p.file.NumRows(); all > 0 {
		return int64(float64(p.size) * float64(p.number) / float64(all))
	}
	return p.size
}

// Chunk gives the next rows.
func (p *Parquet) Chunk(n int) (lines []Line, err error) {
	defer recovered(&err)
	for size := 0; len(lines) < n && size < maxChunk; {
		line, err := p.next()
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		size += len(line.text)
	}
	return lines, nil
}

// next gives one row; at the end of the file the error is io.EOF.
func (p *Parquet) next() (Line, error) {
	for {
		if p.rows == nil {
			if p.group == len(p.file.RowGroups()) {
				return Line{}, io.EOF
			}
			p.open(p.file.RowGroups()[p.group])
		}
		n, err := p.rows.ReadRows(p.buffer)
		switch {
		case n == 1:
			p.inGroup++
			return p.line(p.buffer[0])
		case err != nil && !errors.Is(err, io.EOF):
			return Line{}, fmt.Errorf("row %d: %w", p.number+1, err)
		}
		if err := p.close(); err != nil {
			return Line{}, err
		}
	}
}

// Skip passes over so many rows without reading them. The error is io.EOF where there are fewer.
func (p *Parquet) Skip(n int64) (err error) {
	defer recovered(&err)
	for groups := p.file.RowGroups(); n > 0; {
		if p.group == len(groups) {
			return io.EOF
		}
		if p.rows == nil {
			p.open(groups[p.group])
		}
		left := groups[p.group].NumRows() - p.inGroup
		if n < left {
			p.inGroup += n
			p.number += int(n)
			return p.rows.SeekToRow(p.inGroup)
		}
		n -= left
		p.number += int(left)
		if err := p.close(); err != nil {
			return err
		}
	}
	return nil
}

// close ends a row group.
func (p *Parquet) close() error {
	err := p.rows.Close()
	p.rows, p.inGroup = nil, 0
	p.group++
	return err
}

// Columns are the names of the columns that are read.
func (p *Parquet) Columns() []string {
	names := make([]string, len(p.fields))
	for i, field := range p.fields {
		names[i] = field.Name()
	}
	return names
}

// open begins a row group.
func (p *Parquet) open(group parquet.RowGroup) {
	var leaves []*parquet.Column
	for _, field := range p.fields {
		leaves = appendLeaves(leaves, field)
	}
	chunks := make([]parquet.ColumnChunk, len(leaves))
	for i, leaf := range leaves {
		chunks[i] = group.ColumnChunks()[leaf.Index()]
	}
	p.rows = parquet.NewColumnChunkRowReader(chunks)
}

func appendLeaves(leaves []*parquet.Column, of *parquet.Column) []*parquet.Column {
	if of.Leaf() {
		return append(leaves, of)
	}
	for _, child := range of.Columns() {
		leaves = appendLeaves(leaves, child)
	}
	return leaves
}

// line is the row as JSON.
func (p *Parquet) line(row parquet.Row) (Line, error) {
	p.number++
	line := Line{Number: p.number}
	object := make(map[string]any, len(p.fields))
	a := assembly{values: columnsOf(row)}
	for _, field := range p.fields {
		value := a.node(field, 0, 0)
		object[field.Name()] = value
	}
	text, err := json.Marshal(object)
	switch {
	case err != nil:
		line.err = failure.New(failure.CodeInvalidField, "the row cannot be written as JSON: %v", err)
	case len(text) > maxLine:
		line.err = failure.New(problem.CodeBodyTooLarge, "the row has more than %d MiB", maxLine>>20)
	default:
		line.text = text
	}
	return line, nil
}

// columnsOf divides a row's values by their column; they lie column by column.
func columnsOf(row parquet.Row) (columns [][]parquet.Value) {
	for begin, i := 0, 1; i <= len(row); i++ {
		if i == len(row) || row[i].Column() != row[begin].Column() {
			columns = append(columns, row[begin:i])
			begin = i
		}
	}
	return columns
}

// assembly puts a row together from its columns' values, by their levels (Melnik et al., Dremel, 2010).
type assembly struct {
	values [][]parquet.Value // of each leaf, those that are left
	leaf   int               // the leaf that comes next
}

// node is the value of a column below which so many lists and optional or repeated nodes have been passed.
func (a *assembly) node(of *parquet.Column, repetition, definition int) any {
	switch {
	case of.Repeated():
		return a.list(of, repetition+1, definition+1, func(repetition, definition int) any {
			return a.content(of, repetition, definition)
		})
	case of.Optional():
		definition++
		if a.values[a.leaf][0].DefinitionLevel() < definition {
			a.skip(of)
			return nil
		}
	}
	return a.content(of, repetition, definition)
}

// list reads the elements of a repeated node, whose levels are given with it.
func (a *assembly) list(of *parquet.Column, repetition, definition int, element func(repetition, definition int) any) any {
	begin := a.leaf
	all := []any{}
	if a.values[begin][0].DefinitionLevel() < definition {
		a.skip(of)
		return all
	}
	for {
		a.leaf = begin
		all = append(all, element(repetition, definition))
		if left := a.values[begin]; len(left) == 0 || left[0].RepetitionLevel() != repetition {
			return all
		}
	}
}

// content is a node that is there: a leaf's value, the list that a group stands for, or a group's members.
func (a *assembly) content(of *parquet.Column, repetition, definition int) any {
	if of.Leaf() {
		value := a.values[a.leaf][0]
		a.values[a.leaf] = a.values[a.leaf][1:]
		a.leaf++
		return plain(value)
	}
	children := of.Columns()
	if len(children) == 1 && children[0].Repeated() && lists(of) {
		return a.elements(children[0], repetition+1, definition+1)
	}
	members := make(map[string]any, len(children))
	for _, child := range children {
		members[child.Name()] = a.node(child, repetition, definition)
	}
	return members
}

// lists tells whether a group is marked as a list.
func lists(of *parquet.Column) bool {
	logical := of.Type().LogicalType()
	if logical == nil {
		return false
	}
	_, list := logical.Value.(*format.ListType)
	return list
}

// elements reads a list's repeated node: a group of one member stands for that member, as the format has it.
func (a *assembly) elements(repeated *parquet.Column, repetition, definition int) any {
	return a.list(repeated, repetition, definition, func(repetition, definition int) any {
		if inner := repeated.Columns(); len(inner) == 1 {
			return a.node(inner[0], repetition, definition)
		}
		return a.content(repeated, repetition, definition)
	})
}

// skip passes over one value of each leaf of a node that is not there.
func (a *assembly) skip(of *parquet.Column) {
	for range appendLeaves(nil, of) {
		a.values[a.leaf] = a.values[a.leaf][1:]
		a.leaf++
	}
}

// plain is a value as JSON has it.
func plain(v parquet.Value) any {
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return v.Int32()
	case parquet.Int64:
		return v.Int64()
	case parquet.Float:
		return number(float64(v.Float()))
	case parquet.Double:
		return number(v.Double())
	case parquet.Int96, parquet.ByteArray, parquet.FixedLenByteArray:
	}
	return string(v.ByteArray())
}

// number gives whole numbers without a fraction, as an index that was stored as a float.
func number(x float64) any {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 && (x != 0 || !math.Signbit(x)) { // -0 has bits of its own
		return int64(x)
	}
	return x
}

// Number is that of the last row that was read or passed over.
func (p *Parquet) Number() int64 { return int64(p.number) }
