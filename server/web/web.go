// Package web is the page that shows rewards in a browser: one document, its style, and a few scripts, all embedded.
//
// The page asks the server that sends it, by the routes of docs/API.md, and nobody else. docs/PAGE.md says what it
// shows and how it is tested.
package web

import (
	"embed"
	"path"
)

//go:embed page
var page embed.FS

// Root is the path of the document. Parts is what the paths of all that it loads begin with, before their names.
const (
	Root  = "/"
	Parts = "/web/"
)

// Document is the name of the file at [Root].
const Document = "index.html"

// File is the document or a part of it.
type File struct {
	Media   string // its Content-Type
	Content []byte
}

// Files are all files of the page by their names.
func Files() map[string]File {
	entries, err := page.ReadDir("page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	files := map[string]File{}
	for _, entry := range entries {
		content, err := page.ReadFile("page/" + entry.Name())
		if err != nil {
			panic(err) // the file is embedded
		}
		files[entry.Name()] = File{Media: media[path.Ext(entry.Name())], Content: content}
	}
	return files
}

// media are the types of the files by the ends of their names.
var media = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
}
