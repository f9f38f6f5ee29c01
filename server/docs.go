package server

import (
	"embed"
	"net/http"
	"slices"
	"strings"

	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/web"
)

//go:embed docs.html docs.js docs.css
var pages embed.FS

// page serves a file of the page of the routes.
func page(name, media string) handler {
	content, err := pages.ReadFile(name)
	if err != nil {
		panic(err) // the names are constants
	}
	return embedded(media, content)
}

// embedded serves a file for browsers. It loads nothing from elsewhere and makes no markup of text, and a browser holds
// it to both.
func embedded(media string, content []byte) handler {
	return func(x *exchange, _ *http.Request) error {
		header := x.Header()
		header.Set("Content-Type", media)
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		_, _ = x.Write(content) // a client that does not take it is no problem of ours
		return nil
	}
}

// webRoutes are those of the page that shows rewards. Its parts are one route to the metrics.
func webRoutes() (all []route) {
	for name, file := range web.Files() {
		handle := embedded(file.Media, file.Content)
		if name == web.Document {
			all = append(all, route{method: http.MethodGet, path: web.Root, open: true, handle: handle})
			continue
		}
		part := func(x *exchange, r *http.Request) error {
			x.route = web.Parts
			return handle(x, r)
		}
		all = append(all, route{method: http.MethodGet, path: web.Parts + name, open: true, handle: part})
	}
	return all
}

// forBrowsers leads browsers to a page, and programs, which take anything, to what has its path besides.
func forBrowsers(page, program http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if slices.ContainsFunc(r.Header.Values("Accept"), func(accepts string) bool { return strings.Contains(accepts, "text/html") }) {
			page.ServeHTTP(w, r)
			return
		}
		program.ServeHTTP(w, r)
	})
}

// problems serves the table of problems, for the page.
func problems(x *exchange, _ *http.Request) error { return writeJSON(x, http.StatusOK, problem.Rows()) }
