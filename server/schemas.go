package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
)

// schemas is the OpenAPI description, made from the same Go types that requests are decoded into.
type schemas struct {
	api      *huma.OpenAPI
	registry huma.Registry
	types    map[reflect.Type]*huma.Schema // of requests
	document []byte
}

func newSchemas(version string) *schemas {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return &schemas{
		registry: registry,
		types:    map[reflect.Type]*huma.Schema{},
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
		OperationID: strings.Trim(strings.NewReplacer("/", "-", ".", "-").Replace(r.path), "-"),
		Responses: map[string]*huma.Response{
			"200":     {Description: "The answer"},
			"default": {Description: "A problem", Content: content("application/problem+json", d.schema(problemDetails{}))},
		},
	}
	if !r.open {
		op.Security = []map[string][]string{{"token": {}}}
	}
	if r.gives != nil {
		op.Responses["200"].Content = content("application/json", d.schema(r.gives))
	}
	if r.takes != nil {
		schema := d.schema(r.takes)
		d.types[reflect.PointerTo(reflect.TypeOf(r.takes))] = schema
		op.RequestBody = &huma.RequestBody{Required: true, Content: content("application/json", schema)}
	}
	d.api.AddOperation(op)
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

func (d *schemas) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(d.document)
}

// check holds a body to the schema of a request, given as a pointer. It is nil when the body keeps to it.
func (d *schemas) check(body []byte, request any) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return jsonProblem(err)
	}
	result := &huma.ValidateResult{}
	huma.Validate(d.registry, d.types[reflect.TypeOf(request)], huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, result)
	details := make([]*huma.ErrorDetail, 0, len(result.Errors))
	for _, err := range result.Errors {
		if detail, ok := err.(huma.ErrorDetailer); ok {
			details = append(details, detail.ErrorDetail())
		}
	}
	if len(details) == 0 {
		return nil
	}
	slices.SortStableFunc(details, func(a, b *huma.ErrorDetail) int { return strings.Compare(a.Location, b.Location) })
	return fieldProblem(details[0], len(details)-1)
}

// fieldProblem says which field is wrong, and how.
func fieldProblem(first *huma.ErrorDetail, more int) *rewards.Problem {
	field, and := first.Location, ""
	if field == "" {
		field = "body"
	}
	if more > 0 {
		and = fmt.Sprintf(" (and %d more)", more)
	}
	if first.Message == validation.MsgUnexpectedProperty {
		return rewards.NewProblem(rewards.CodeUnknownField, "%s: unknown field%s", fault.Short(field), and)
	}
	return rewards.NewProblem(rewards.CodeInvalidField, "%s: %s%s%s", fault.Short(field), first.Message, got(first.Value), and)
}

// got shows the value, where it is one word.
func got(value any) string {
	switch v := value.(type) {
	case nil:
		return ", got null"
	case string:
		return fmt.Sprintf(", got %q", fault.Short(v))
	case float64, bool:
		return fmt.Sprintf(", got %v", v)
	}
	return ""
}
