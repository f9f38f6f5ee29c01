package commands

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// modelsCommand is `assay models`.
type modelsCommand struct {
	Models serverModels `embed:""`
	JSON   bool         `name:"json" help:"Write what GET /v1/models answers."`
}

// Run loads and proves the models, and shows them.
func (c *modelsCommand) Run(ctx context.Context, con *console) (err error) {
	sources, err := c.Models.sources()
	if err != nil {
		return err
	}
	loaded, err := load(ctx, sources, c.Models.options())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	infos := loadedModels(loaded)
	if c.JSON {
		encoder := json.NewEncoder(con.out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(wire.ModelsAnswer{Models: infos})
	}
	rows := make([][]string, len(infos))
	for i, m := range infos {
		rows[i] = []string{
			m.Name, m.Kind, m.Layout, m.Precision, columns(&m), strconv.Itoa(m.MaxTokens),
			m.Digest[:min(len(m.Digest), len("sha256:")+12)], m.Provider, strconv.Itoa(m.Threads), strconv.Itoa(m.BatchTokens),
		}
	}
	p := page.New(con.out)
	p.Table([]string{"name", "kind", "layout", "precision", "labels", "max_tokens", "digest", "provider", "threads", "batch_tokens"},
		[]string{"max_tokens", "threads", "batch_tokens"}, rows)
	return p.Flush()
}

// columns names what the model gives: its labels, or how many numbers a vector has.
func columns(m *wire.ModelInfo) string {
	if m.Dimensions > 0 {
		return strconv.Itoa(m.Dimensions) + " numbers"
	}
	return strings.Join(m.Labels, ",")
}

// loadedModels says of every model what GET /v1/models does.
func loadedModels(loaded *running) []wire.ModelInfo {
	infos := loaded.engine().Models()
	forms := make([]wire.ModelInfo, len(infos))
	for i := range infos {
		forms[i] = native.ModelInfo(&infos[i])
	}
	return forms
}
