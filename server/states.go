package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// stateRoutes are those of named states. Every caller may read them; who may change them, a token says.
func (s *Server) stateRoutes() []route {
	const one = "/v1/state/{name}"
	return []route{
		{http.MethodGet, "/v1/state", "Which states there are", false, nil, s.onStates(s.listStates), nil, wire.StatesAnswer{}},
		{http.MethodGet, one, "What a state knows of some keys", false, nil, s.onStates(s.getState), nil, wire.StateAnswer{}},
		{http.MethodPost, one, "Declare, update or reset a state", false, nil, s.onStates(s.changeState), wire.StateRequest{}, wire.StateInfo{}},
		{http.MethodDelete, one, "Delete a state and its declaration", false, nil, s.onStates(s.deleteState), nil, wire.StateGone{}},
		{http.MethodPost, one + "/read", "What a state knows of keys, users and texts", false, nil, s.onStates(s.readState), wire.StateRead{}, wire.StateAnswer{}},
		{http.MethodGet, one + "/snapshot", "A whole state at one moment", false, nil, s.onStates(s.snapshotState), nil, wire.StateSnapshot{}},
		{http.MethodPost, one + "/restore", "Put a snapshot in a state's place", false, nil, s.onStates(s.restoreState), wire.StateSnapshot{}, wire.StateInfo{}},
	}
}

// onStates lets a request through where the server keeps states.
func (s *Server) onStates(handle func(of *state.States, x *exchange, r *http.Request) error) handler {
	return func(x *exchange, r *http.Request) error {
		if s.options.State == nil {
			return problem.New(failure.CodeState, "this server keeps no state; --state names where it does")
		}
		return handle(s.options.State, x, r)
	}
}

// mayWrite refuses a caller whose token does not say that it may change states.
func mayWrite(x *exchange) error {
	if x.caller.readsOnly {
		return problem.New(problem.CodeForbidden, "%s may read states and not change them; state=write in the token file lets it", x.caller.title())
	}
	return nil
}

func (*Server) listStates(of *state.States, x *exchange, r *http.Request) error {
	infos, err := of.List(r.Context())
	if err != nil {
		return err
	}
	answer := wire.StatesAnswer{States: make([]wire.StateInfo, len(infos))}
	for i := range infos {
		answer.States[i] = stateInfo(&infos[i])
	}
	return writeJSON(x, http.StatusOK, answer)
}

// getState reads the keys of the query string, or the empty key where it has none.
func (*Server) getState(of *state.States, x *exchange, r *http.Request) error {
	asked, err := onlyKnown(r.URL, "key", "prompt", "quantile")
	if err != nil {
		return err
	}
	queries := []state.Query{}
	for _, key := range asked["key"] {
		queries = append(queries, state.Query{Key: key})
	}
	for _, prompt := range asked["prompt"] {
		queries = append(queries, state.Query{Key: state.KeyOf(prompt)})
	}
	if len(queries) > wire.DefaultUpdates {
		return problem.New(failure.CodeTooManyItems, "key: %d are asked about, and one request may ask about %d", len(queries), wire.DefaultUpdates)
	}
	if len(queries) == 0 {
		queries = []state.Query{{}}
	}
	if asked.Has("quantile") {
		share, err := strconv.ParseFloat(asked.Get("quantile"), 64)
		if err != nil {
			return problem.New(wire.CodeInvalidField, "quantile: %q is no number", fault.Short(asked.Get("quantile")))
		}
		for i := range queries {
			queries[i].Quantile = &share
		}
	}
	return answerState(of, x, r, queries)
}

func (s *Server) readState(of *state.States, x *exchange, r *http.Request) error {
	var form wire.StateRead
	if err := s.readForm(x, r, &form); err != nil {
		return err
	}
	queries := make([]state.Query, len(form.Queries))
	for i := range form.Queries {
		q := &form.Queries[i]
		queries[i] = state.Query{Key: stateKey(&q.StateKey), Quantile: q.Quantile, Vector: q.Vector, Score: q.Score}
	}
	return answerState(of, x, r, queries)
}

func answerState(of *state.States, x *exchange, r *http.Request, queries []state.Query) error {
	info, readings, err := of.Read(r.Context(), r.PathValue("name"), queries)
	if err != nil {
		return err
	}
	answer := wire.StateAnswer{StateInfo: stateInfo(&info), Readings: make([]wire.StateReading, len(readings))}
	for i := range readings {
		answer.Readings[i] = stateReading(&readings[i])
	}
	return writeJSON(x, http.StatusOK, answer)
}

// changeState declares a state, updates it, or makes it forget.
func (s *Server) changeState(of *state.States, x *exchange, r *http.Request) error {
	var form wire.StateRequest
	err := mayWrite(x)
	if err == nil {
		err = s.readForm(x, r, &form)
	}
	if err != nil {
		return err
	}
	var info state.Info
	name, expect := r.PathValue("name"), uint64(form.ExpectVersion) //nolint:gosec // the form holds it to 0 and more
	switch {
	case form.Kind != "":
		info, err = of.Declare(r.Context(), name, stateSpec(&form.StateSpec))
	case form.Updates != nil:
		info, err = of.Update(r.Context(), name, stateUpdates(form.Updates), expect)
	case form.Forget != nil:
		info, err = of.Reset(r.Context(), name, form.Forget, expect)
	default:
		info, err = of.Reset(r.Context(), name, nil, expect)
	}
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, stateInfo(&info))
}

func (*Server) deleteState(of *state.States, x *exchange, r *http.Request) error {
	asked, err := onlyKnown(r.URL, "expect_version")
	if err == nil {
		err = mayWrite(x)
	}
	if err != nil {
		return err
	}
	expect := uint64(0)
	if asked.Has("expect_version") {
		if expect, err = strconv.ParseUint(asked.Get("expect_version"), 10, 63); err != nil {
			return problem.New(wire.CodeInvalidField, "expect_version: %q is no version", fault.Short(asked.Get("expect_version")))
		}
	}
	name := r.PathValue("name")
	if err := of.Delete(r.Context(), name, expect); err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, wire.StateGone{Deleted: name})
}

func (*Server) snapshotState(of *state.States, x *exchange, r *http.Request) error {
	info, taken, err := of.Snapshot(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	known := stateInfo(&info)
	answer := wire.StateSnapshot{Name: known.Name, Version: known.Version, Spec: known.Spec, Cells: make([]wire.StateCell, len(taken.Cells))}
	for i, cell := range taken.Cells {
		answer.Cells[i] = wire.StateCell{Key: cell.Key, Value: cell.Value}
	}
	return writeJSON(x, http.StatusOK, answer)
}

func (s *Server) restoreState(of *state.States, x *exchange, r *http.Request) error {
	var form wire.StateSnapshot
	err := mayWrite(x)
	if err == nil {
		err = s.readForm(x, r, &form)
	}
	if err != nil {
		return err
	}
	taken := state.Snapshot{Spec: stateSpec(&form.Spec), Cells: make([]state.Cell, len(form.Cells))}
	for i, cell := range form.Cells {
		taken.Cells[i] = state.Cell{Key: cell.Key, Value: cell.Value}
	}
	info, err := of.Restore(r.Context(), r.PathValue("name"), &taken)
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, stateInfo(&info))
}

// readForm reads a body into its form, as those of questions are read.
func (s *Server) readForm(x *exchange, r *http.Request, form wire.Form) error {
	if err := jsonType(r.Header); err != nil {
		return err
	}
	giveBack, err := s.bodies.room.hold(x, r, s.bodies.most)
	if err != nil {
		return err
	}
	defer giveBack()
	body, err := s.bodies.read(x, r)
	if err != nil {
		return err
	}
	defer s.bodies.release(body)
	if err := x.caller.mayAsk(time.Now()); err != nil {
		return err
	}
	return s.decode(body.Bytes(), form)
}

// onlyKnown reads a query string, which may have those fields.
func onlyKnown(u *url.URL, fields ...string) (url.Values, error) {
	asked, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, problem.New(wire.CodeInvalidField, "the query string cannot be read: %s", fault.Short(err.Error()))
	}
	for field := range asked {
		if !slices.Contains(fields, field) {
			return nil, problem.New(wire.CodeUnknownField, "%s: unknown field of the query string", fault.Short(field))
		}
	}
	return asked, nil
}
