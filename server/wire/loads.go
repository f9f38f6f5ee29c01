package wire

// LoadRequest is the body of POST /v1/models/{model}.
type LoadRequest struct {
	Bundle string `json:"bundle,omitempty" doc:"Folder of the bundle in the server's folder of bundles (--models). Left out: where the model that is served came from, or else the folder of its name"`
	Expect string `json:"expect_digest,omitempty" doc:"The digest that the bundle must have; where it has another, nothing changes"`
}

// LoadAnswer says which model is served under the name now.
type LoadAnswer struct {
	Model    string  `json:"model"`
	Digest   string  `json:"digest" doc:"sha256 over the bundle's files"`
	Revision int     `json:"revision" doc:"1 for the first model that was served under the name, and one more for each that took its place"`
	Changed  bool    `json:"changed" doc:"false where this very bundle is served already"`
	Before   string  `json:"before,omitempty" doc:"Digest of the model whose place it took; left out where there was none"`
	LoadMS   float64 `json:"load_ms" doc:"From the request to the change, in milliseconds"`
}

// UnloadAnswer says what is no longer served.
type UnloadAnswer struct {
	Unloaded string `json:"unloaded" doc:"Name of the model"`
	Digest   string `json:"digest"`
	Revision int    `json:"revision"`
}

func (r *LoadRequest) decode(d *decoder) error { return object(d, &loadForm, r) }

var loadForm = form[LoadRequest]{
	fields: []field[LoadRequest]{
		{"bundle", false, func(d *decoder, r *LoadRequest) error { return d.text(&r.Bundle) }},
		{"expect_digest", false, func(d *decoder, r *LoadRequest) error { return d.text(&r.Expect) }},
	},
}
