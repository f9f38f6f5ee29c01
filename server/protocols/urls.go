package protocols

import (
	"net/url"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// options are what the URL that a trainer's user writes may choose, where the trainer's body has no room for it. Each
// is given once at most, and others than those of the names are refused.
func options(from *url.URL, names ...string) (url.Values, error) {
	given := from.Query()
	for key, values := range given {
		switch {
		case !slices.Contains(names, key):
			last := len(names) - 1
			return nil, problem.New(wire.CodeUnknownField, "%s: unknown in the URL; it takes %s and %s", fault.Short(key), strings.Join(names[:last], ", "), names[last])
		case len(values) != 1:
			return nil, problem.New(failure.CodeInvalidField, "%s: given %d times in the URL", fault.Short(key), len(values))
		}
	}
	return given, nil
}

// boolean is a choice of the URL that is true or false; false where it is not there.
func boolean(given url.Values, name string) (bool, error) {
	switch given.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, problem.New(failure.CodeInvalidField, "%s: %q in the URL is neither true nor false", name, fault.Short(given.Get(name)))
}
