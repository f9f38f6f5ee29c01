package models

import (
	"context"
	"math"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// applyHead replaces the rows of readings by what the head makes of them. It does nothing where the graph has its head,
// or where the head has read the rows on the graph's device already. A row that is not finite fails its item and no
// other.
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
		err = fault.New(fault.CodeRun, "the head of model %q failed", m.info.Manifest.Name).Because(err)
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

// finiteRows refuses rows with NaN or infinity: a head could turn them into a number that looks like a reading.
func (m *Model) finiteRows(rows [][]float32) error {
	for i, row := range rows {
		for j, value := range row {
			if math.IsNaN(float64(value)) || math.IsInf(float64(value), 0) {
				return fault.New(fault.CodeNotFinite,
					"model %q gave %v for number %d of row %d, which its head would read", m.info.Manifest.Name, value,
					j, i)
			}
		}
	}
	return nil
}
