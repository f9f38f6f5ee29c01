//go:build gpu

package device

import (
	"errors"
	"testing"
)

// A room holds what is asked for, grows seldom, and gives its memory back.
func TestRoom(t *testing.T) {
	d := open(t)
	room := d.OpenRoom(40)
	for _, step := range []struct{ rows, bytes int }{{100, 16000}, {3, 16000}, {101, 20000}} {
		matrix, err := room.Fit(step.rows)
		if err != nil {
			t.Fatal(err)
		}
		if room.room.bytes != step.bytes || matrix.Rows != step.rows || matrix.Cols != 40 {
			t.Errorf("%d rows are %+v in %d bytes, want %d", step.rows, matrix, room.room.bytes, step.bytes)
		}
		write(t, d, matrix, make([]byte, 4*step.rows*40)) // all of it is there
	}
	_, err := room.Fit(0)
	if want := "room of 0 rows: 0 rows of 40 numbers are none, or too many"; err == nil || err.Error() != want {
		t.Errorf("no rows: %v", err)
	}
	if err := errors.Join(d.Wait(), room.Close(), room.Close()); err != nil {
		t.Error(err)
	}
	if room.room.bytes != 0 {
		t.Errorf("Close left %+v", room.room)
	}
}
