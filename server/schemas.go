package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assay-rm/assay/server/wire"
)

// schemas is the OpenAPI description, made from the same Go types that requests are decoded into.
type schemas struct {
	api      *huma.OpenAPI
	registry huma.Registry
	document []byte
	ids      map[string]bool // of the operations
}

func newSchemas(version string) *schemas {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return &schemas{
		registry: registry,
		ids:      map[string]bool{},
		api: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Assay", Version: version, License: &huma.License{Name: "Apache-2.0"},
				Description: "Scores from reward models and process reward models.",
			},
			Components: &huma.Components{
				Schemas:         registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
		},
	}
}

// add describes a route; one without a summary stays out.
func (d *schemas) add(r route) {
	if r.summary == "" {
		return
	}
	op := &huma.Operation{
		Method: r.method, Path: r.path, Summary: r.summary,
		OperationID: d.operation(r),
		Responses: map[string]*huma.Response{
			"200":     {Description: "The answer"},
			"default": {Description: "A problem", Content: content("application/problem+json", d.schema(wire.ProblemDetails{}))},
		},
	}
	for name := range strings.SplitSeq(r.path, "{") { // what stands before the first is no name, and has no "}"
		if name, _, is := strings.Cut(name, "}"); is {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
	}
	if !r.open {
		op.Security = []map[string][]string{{"token": {}}}
	}
	if r.gives != nil {
		op.Responses["200"].Content = content("application/json", d.schema(r.gives))
	}
	if r.takes != nil {
		schema := d.schema(r.takes)
		op.RequestBody = &huma.RequestBody{Required: true, Content: content("application/json", schema)}
	}
	d.api.AddOperation(op)
}

// operation is the id of a route: its path, and its method too where the path has another route.
func (d *schemas) operation(r route) string {
	id := strings.Trim(strings.NewReplacer("/", "-", ".", "-", "{", "", "}", "").Replace(r.path), "-")
	if d.ids[id] {
		id = strings.ToLower(r.method) + "-" + id
	}
	d.ids[id] = true
	return id
}

func (d *schemas) schema(of any) *huma.Schema { return d.registry.Schema(reflect.TypeOf(of), true, "") }

func content(media string, schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{media: {Schema: schema}}
}

// seal renders the description; nothing may be added afterwards.
func (d *schemas) seal() {
	document, err := json.Marshal(d.api)
	if err != nil {
		panic(err) // the routes are constants
	}
	d.document = document
}

func (d *schemas) serve(x *exchange, _ *http.Request) error {
	x.Header().Set("Content-Type", "application/json")
	_, _ = x.Write(d.document) // a client that does not take it is no problem of ours
	return nil
}
