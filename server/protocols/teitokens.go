package protocols

import (
	"fmt"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// askTEITokenize asks what the model sees of texts.
func askTEITokenize(c *Call) (Asked, error) {
	var form wire.TEITokenizeRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	named := &wire.TEIRequest{Model: form.Model}
	request := rewards.Request{
		Question: rewards.Tokenize, Model: c.Model(teiModel(c, named), rewards.Tokenize), Kind: rewarding(c.Engine),
		Items: make([]encode.Item, len(form.Inputs)),
	}
	for i := range form.Inputs {
		request.Items[i].Text = &form.Inputs[i]
	}
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		all := make([][]wire.TEIToken, len(given.Tokenized))
		for i := range given.Tokenized {
			of := &given.Tokenized[i]
			if of.Err != nil {
				return Reply{}, Failed(of.Err, fmt.Sprintf("inputs[%d]", i))
			}
			pieces, known := c.Engine.Pieces(given.Model, form.Inputs[i], of.IDs)
			if !known {
				return Reply{}, problem.New(fault.CodeItem, "inputs[%d]: where its tokens stand is not known: the model takes them away from, or puts them into, the text", i)
			}
			all[i] = teiTokens(pieces, form.Add == nil || *form.Add)
		}
		return Reply{Body: all}, nil
	}}, nil
}

// teiTokens are the tokens of a text, and those around it where they are wanted.
func teiTokens(pieces []encode.Piece, around bool) []wire.TEIToken {
	tokens := make([]wire.TEIToken, 0, len(pieces))
	for i := range pieces {
		p := &pieces[i]
		switch {
		case !p.Added:
			tokens = append(tokens, wire.TEIToken{ID: p.ID, Text: p.Text, Start: &p.Begin, Stop: &p.End})
		case around:
			tokens = append(tokens, wire.TEIToken{ID: p.ID, Text: p.Text, Special: true})
		}
	}
	return tokens
}

// tellTEIDecode tells which texts ids stand for.
func tellTEIDecode(c *Call) (Reply, error) {
	var form wire.TEIDecodeRequest
	if err := c.Decode(&form); err != nil {
		return Reply{}, err
	}
	of, err := teiServed(c, teiModel(c, &wire.TEIRequest{Model: form.Model}))
	if err != nil {
		return Reply{}, err
	}
	texts := make([]string, len(form.IDs))
	for i, ids := range form.IDs {
		if texts[i], err = c.Engine.Decode(of.Manifest.Name, ids, form.Skip == nil || *form.Skip); err != nil {
			return Reply{}, err
		}
	}
	return Reply{Body: texts}, nil
}
