package server

import (
	"embed"
	"net/http"

	"github.com/assay-rm/assay/server/problem"
)

//go:embed docs.html docs.js docs.css
var pages embed.FS

// page serves an embedded file; the page loads nothing from elsewhere, and a browser holds it to that.
func page(name, media string) handler {
	content, err := pages.ReadFile(name)
	if err != nil {
		panic(err) // the names are constants
	}
	return func(x *exchange, _ *http.Request) error {
		header := x.Header()
		header.Set("Content-Type", media)
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		_, _ = x.Write(content) // a client that does not take it is no problem of ours
		return nil
	}
}

// problems serves the table of problems, for the page.
func problems(x *exchange, _ *http.Request) error { return writeJSON(x, http.StatusOK, problem.Rows()) }
