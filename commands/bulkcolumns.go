package commands

import (
	"slices"

	"github.com/assay-rm/assay/commands/bulk/tables"
)

// Columns of Parquet and Arrow files, by the names that the answers of the API have. What has a form of its own for
// each recipe or strategy is JSON.
var (
	headColumns = []tables.Column{
		{Name: "row", Kind: tables.Int},
		{Name: "file", Kind: tables.Text},
		{Name: "line", Kind: tables.Int},
		{Name: "id", Kind: tables.Text},
		{Name: "metadata", Kind: tables.JSON},
	}
	errorColumn = tables.Column{Name: "error", Kind: tables.Record, Of: []tables.Column{
		{Name: "code", Kind: tables.Text}, {Name: "status", Kind: tables.Int}, {Name: "title", Kind: tables.Text}, {Name: "detail", Kind: tables.Text},
	}}
	scoreColumns = []tables.Column{
		{Name: "score", Kind: tables.Float},
		{Name: "raw", Kind: tables.Float},
		{Name: "scores", Kind: tables.Named},
		{Name: "logits", Kind: tables.Named},
		{Name: "tokens", Kind: tables.Int},
		{Name: "truncated", Kind: tables.Int},
		{Name: "gradient", Kind: tables.Named},
		{Name: "components", Kind: tables.JSON},
		{Name: "values", Kind: tables.Named},
		{Name: "vectors", Kind: tables.JSON},
	}
	resultColumns = append(slices.Clip(scoreColumns), errorColumn)
	responses     = tables.Column{Name: "responses", Kind: tables.List, Of: []tables.Column{{Name: "element", Kind: tables.Record, Of: resultColumns}}}
	statistics    = tables.Column{Name: "statistics", Kind: tables.JSON}

	rankColumns = []tables.Column{
		{Name: "best", Kind: tables.Int},
		{Name: "ranking", Kind: tables.List, Of: []tables.Column{{Name: "element", Kind: tables.Record, Of: []tables.Column{
			{Name: "index", Kind: tables.Int}, {Name: "score", Kind: tables.Float},
		}}}},
		{Name: "selected", Kind: tables.JSON},
		statistics, responses,
	}
	compareColumns = []tables.Column{
		{Name: "probability", Kind: tables.Float},
		{Name: "margin", Kind: tables.Float},
		{Name: "chosen", Kind: tables.Record, Of: resultColumns},
		{Name: "rejected", Kind: tables.Record, Of: resultColumns},
		{Name: "preference", Kind: tables.List, Of: []tables.Column{
			{Name: "element", Kind: tables.List, Of: []tables.Column{{Name: "element", Kind: tables.Float}}},
		}},
		{Name: "win_rate", Kind: tables.List, Of: []tables.Column{{Name: "element", Kind: tables.Float}}},
		{Name: "aggregates", Kind: tables.JSON},
		statistics, responses,
		{Name: "values", Kind: tables.Named},
	}
	stepsColumns = []tables.Column{
		{Name: "steps", Kind: tables.List, Of: []tables.Column{{Name: "element", Kind: tables.Record, Of: []tables.Column{
			{Name: "score", Kind: tables.Float},
			{Name: "raw", Kind: tables.Float},
			{Name: "logits", Kind: tables.Named},
			{Name: "token", Kind: tables.Int},
			{Name: "end", Kind: tables.Int},
		}}}},
		{Name: "min", Kind: tables.Float},
		{Name: "product", Kind: tables.Float},
		{Name: "mean", Kind: tables.Float},
		{Name: "last", Kind: tables.Float},
		{Name: "first_error", Kind: tables.Int},
		{Name: "tokens", Kind: tables.Int},
		{Name: "truncated", Kind: tables.Int},
	}
)
