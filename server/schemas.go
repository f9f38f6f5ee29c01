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
	if of, is := r.gives.(accepted); is {
		op.Responses["202"] = &huma.Response{Description: "It is begun", Content: d.content(of.body)}
	}
	if r.gives != nil {
		op.Responses["200"].Content = d.content(r.gives)
	}
	if r.takes != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: d.content(r.takes)}
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

// jsonLines are a body of JSON lines, of which the first is described where it is another than the rest; nil: none is.
type jsonLines struct{ first any }

// accepted is the body of an answer with the status 202, or 200 where there is nothing to begin.
type accepted struct{ body any }

// content describes a body.
func (d *schemas) content(of any) map[string]*huma.MediaType {
	switch body := of.(type) {
	case accepted:
		return d.content(body.body)
	case jsonLines:
		if body.first == nil {
			return content("application/x-ndjson", &huma.Schema{Type: huma.TypeString, Description: "One JSON object a line"})
		}
		return content("application/x-ndjson", d.schema(body.first))
	}
	return content("application/json", d.schema(of))
}

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
