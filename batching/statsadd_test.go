package batching

import (
	"reflect"
	"testing"
)

// TestAddAddsEveryCounter: no counter is left out, whatever the statistics get, and nothing else is changed.
func TestAddAddsEveryCounter(t *testing.T) {
	var sum, of Stats
	counters := 0
	var fill func(of, sum reflect.Value, set bool)
	fill = func(of, sum reflect.Value, set bool) {
		switch of.Kind() {
		case reflect.Struct:
			for i := range of.NumField() {
				fill(of.Field(i), sum.Field(i), set)
			}
		case reflect.Array:
			for i := range of.Len() {
				fill(of.Index(i), sum.Index(i), set)
			}
		case reflect.Uint64:
			counters++
			if set {
				of.SetUint(uint64(counters))
				sum.SetUint(7)
			} else if got, want := sum.Uint(), of.Uint()+7; got != want {
				t.Errorf("counter %d is %d, want %d", counters, got, want)
			}
		default:
			if set {
				of.SetInt(5)
			} else if sum.Int() != 0 {
				t.Errorf("a value that is no counter is %d", sum.Int())
			}
		}
	}
	fill(reflect.ValueOf(&of).Elem(), reflect.ValueOf(&sum).Elem(), true)
	sum.Add(&of)
	counters = 0
	fill(reflect.ValueOf(&of).Elem(), reflect.ValueOf(&sum).Elem(), false)
	if counters < 20 {
		t.Errorf("%d counters", counters)
	}
}
