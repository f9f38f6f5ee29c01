package tables

import (
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowRecords writes an Arrow file.
type arrowRecords struct {
	columns []Column
	out     *ipc.FileWriter
	batch   *array.RecordBuilder
	rows    int
}

func newArrow(out *os.File, columns []Column) (records, error) {
	schema := arrow.NewSchema(fields(columns), nil)
	to, err := ipc.NewFileWriter(out, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	return &arrowRecords{columns: columns, out: to, batch: array.NewRecordBuilder(memory.DefaultAllocator, schema)}, nil
}

func fields(columns []Column) []arrow.Field {
	all := make([]arrow.Field, len(columns))
	for i := range columns {
		all[i] = arrow.Field{Name: columns[i].Name, Type: typeOf(&columns[i]), Nullable: true}
	}
	return all
}

func typeOf(c *Column) arrow.DataType {
	switch {
	case c.Kind == Int:
		return arrow.PrimitiveTypes.Int64
	case c.Kind == Float:
		return arrow.PrimitiveTypes.Float64
	case c.lists():
		return arrow.ListOf(typeOf(c.element()))
	case c.Kind == Record:
		return arrow.StructOf(fields(c.Of)...)
	}
	return arrow.BinaryTypes.String
}

func (a *arrowRecords) write(record []byte) error {
	of, err := parse(record)
	if err != nil {
		return err
	}
	for i := range a.columns {
		if err := build(a.batch.Field(i), &a.columns[i], of[a.columns[i].Name]); err != nil {
			return err
		}
	}
	if a.rows++; a.rows%group == 0 {
		return a.flush()
	}
	return nil
}

func (a *arrowRecords) flush() error {
	batch := a.batch.NewRecordBatch()
	defer batch.Release()
	return a.out.Write(batch)
}

// build appends a value to the builder of its column.
func build(to array.Builder, c *Column, value any) error {
	if value == nil {
		to.AppendNull()
		return nil
	}
	switch to := to.(type) {
	case *array.Int64Builder:
		n, err := whole(c, value)
		to.Append(n)
		return err
	case *array.Float64Builder:
		x, err := float(c, value)
		to.Append(x)
		return err
	case *array.StringBuilder:
		s, err := text(c, value)
		to.Append(s)
		return err
	case *array.ListBuilder:
		all, err := elements(c, value)
		to.Append(true)
		for _, one := range all {
			if err := build(to.ValueBuilder(), c.element(), one); err != nil {
				return err
			}
		}
		return err
	case *array.StructBuilder:
		of, err := members(c, value)
		to.Append(true)
		for i := range c.Of {
			if err := build(to.FieldBuilder(i), &c.Of[i], of[c.Of[i].Name]); err != nil {
				return err
			}
		}
		return err
	}
	return fmt.Errorf("column %s has no builder", c.Name)
}

func (a *arrowRecords) end() error {
	if a.rows%group > 0 || a.rows == 0 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	a.batch.Release()
	return a.out.Close()
}
