package server

import (
	"context"
	"net/http"
	"time"

	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// Loader changes which models are served while they are asked. Its methods are safe for concurrent use, and their
// errors are told as those of the engine.
type Loader interface {
	// Load serves the bundle in a folder of the server's bundles in the place of the model of that name, or beside the
	// others where there is none. An empty folder is where the served model came from. The digest that is expected
	// may be empty: any.
	Load(ctx context.Context, name, folder, expect string) (Loaded, error)
	// Unload no longer serves the model of that name.
	Unload(ctx context.Context, name string) (Loaded, error)
}

// Loaded is a model that is served from now on, or no longer.
type Loaded struct {
	Digest   string
	Revision int
	Before   string // digest of what was served under the name; empty: nothing was
	Changed  bool   // false: this very bundle was served already
}

// loadRoutes are those that change which models are served. Who may use them, a token says.
func (s *Server) loadRoutes() []route {
	const one = "/v1/models/{model}"
	return []route{
		{http.MethodPost, one, "Load a bundle, in the place of the model of its name or beside the others", false, nil, s.load, wire.LoadRequest{}, wire.LoadAnswer{}},
		{http.MethodDelete, one, "Unload a model", false, nil, s.unload, nil, wire.UnloadAnswer{}},
	}
}

// mayLoad lets a request through where the server loads models and its token says that it may.
func (s *Server) mayLoad(x *exchange, r *http.Request) error {
	if s.options.Loader == nil {
		return problem.New(problem.CodeForbidden, "this server changes no models")
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return problem.New(problem.CodeForbidden, "Sec-Fetch-Site: a page of another site may not change which models are served")
	}
	if x.caller.noLoads {
		return problem.New(problem.CodeForbidden, "%s may not load models; models=write in the token file lets it", x.caller.title())
	}
	return nil
}

func (s *Server) load(x *exchange, r *http.Request) error {
	begun := time.Now()
	var form wire.LoadRequest
	err := s.mayLoad(x, r)
	if err == nil && r.ContentLength != 0 {
		err = s.readForm(x, r, &form)
	}
	if err != nil {
		return err
	}
	name := r.PathValue("model")
	loaded, err := s.options.Loader.Load(r.Context(), name, form.Bundle, form.Expect)
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, wire.LoadAnswer{
		Model: name, Digest: loaded.Digest, Revision: loaded.Revision, Changed: loaded.Changed, Before: loaded.Before,
		LoadMS: float64(time.Since(begun).Microseconds()) / 1000,
	})
}

func (s *Server) unload(x *exchange, r *http.Request) error {
	if err := s.mayLoad(x, r); err != nil {
		return err
	}
	name := r.PathValue("model")
	gone, err := s.options.Loader.Unload(r.Context(), name)
	if err != nil {
		return err
	}
	return writeJSON(x, http.StatusOK, wire.UnloadAnswer{Unloaded: name, Digest: gone.Digest, Revision: gone.Revision})
}
