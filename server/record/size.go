package record

import (
	"reflect"

	"github.com/assay-rm/assay/models"
)

// size is how many bytes an entry holds in memory, at most about. It looks at whatever fields a request and an answer
// have, so that none is forgotten; what is held twice is counted twice.
func (e *Entry) size() int64 {
	return int64(reflect.TypeFor[Entry]().Size()) + held(reflect.ValueOf(e).Elem())
}

// What is not looked into: a model is not the entry's own, and an interface has the cause of an error.
const (
	interfaceBytes = 512
	pairBytes      = 16 // of a map, beside the key and the value
)

// held is how many bytes hang on a value beside its own.
func held(of reflect.Value) int64 {
	if flat(of.Type()) {
		return 0
	}
	var all int64
	switch of.Kind() { //nolint:exhaustive // the others are flat
	case reflect.String:
		return int64(of.Len())
	case reflect.Interface:
		return interfaceBytes
	case reflect.Pointer:
		if !of.IsNil() && of.Type() != reflect.TypeFor[*models.Info]() {
			all = int64(of.Type().Elem().Size()) + held(of.Elem())
		}
	case reflect.Struct:
		for _, field := range of.Fields() {
			all += held(field)
		}
	case reflect.Slice:
		all = int64(of.Cap()) * int64(of.Type().Elem().Size())
		fallthrough
	case reflect.Array:
		if !flat(of.Type().Elem()) {
			for i := range of.Len() {
				all += held(of.Index(i))
			}
		}
	case reflect.Map:
		all = int64(of.Len()) * int64(of.Type().Key().Size()+of.Type().Elem().Size()+pairBytes)
		for pairs := of.MapRange(); pairs.Next(); {
			all += held(pairs.Key()) + held(pairs.Value())
		}
	}
	return all
}

// flat tells a type whose values hold nothing beside their own bytes.
func flat(of reflect.Type) bool {
	switch of.Kind() { //nolint:exhaustive // numbers are flat
	case reflect.String, reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return flat(of.Elem())
	case reflect.Struct:
		for field := range of.Fields() {
			if !flat(field.Type) {
				return false
			}
		}
	}
	return true
}
