package models

import (
	"context"
	"fmt"
	"math"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// applyHead turns the rows of the readings that have no error into the head's, unless it has read them on the graph's device. A row that is
// not finite fails its item alone.
func (m *Model) applyHead(ctx context.Context, items []encode.Encoded, readings []Reading) {
	if m.head == nil || m.session.PlacesHead() {
		return
	}
	var rows, users [][]float32
	for i := range readings {
		if readings[i].Err == nil {
			readings[i].Err = m.finiteRows(readings[i].Rows)
		}
		if readings[i].Err != nil {
			readings[i].Rows = nil
			continue
		}
		for _, row := range readings[i].Rows {
			rows, users = append(rows, row), append(users, items[i].User)
		}
	}
	if len(rows) == 0 {
		return
	}
	read, err := m.head.Readings(ctx, rows, users)
	if err != nil && ctx.Err() == nil {
		err = &fault.Error{Code: fault.CodeRun, Detail: fmt.Sprintf("the head of model %q failed", m.info.Manifest.Name), Err: err}
	}
	for i := range readings {
		switch n := len(readings[i].Rows); {
		case readings[i].Err != nil:
		case err != nil:
			readings[i].Rows, readings[i].Err = nil, err
		default:
			readings[i].Rows, read = read[:n:n], read[n:]
		}
	}
}

// finiteRows refuses rows for the head with NaN or infinity.
func (m *Model) finiteRows(rows [][]float32) error {
	for i, row := range rows {
		for j, value := range row {
			if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
				return fault.New(fault.CodeNotFinite, "model %q gave %v for number %d of row %d, which its head would read", m.info.Manifest.Name, value, j, i)
			}
		}
	}
	return nil
}
