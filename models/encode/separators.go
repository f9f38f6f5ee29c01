package encode

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

// encodeJoint tokenizes the whole text at once; each step is read at its separator.
func (e *Encoder) encodeJoint(ctx context.Context, item asked, before []chat.Message, steps []string, form string, within bound, out *Encoded) (err error) {
	content := e.joined(steps)
	if out.Text, err = e.render(item, append(before, chat.Message{Role: roleAssistant, Content: content}),
		false); err != nil {
		return err
	}
	if err := e.keeps(out.Text, content); err != nil {
		return err
	}
	if e.tokens.Added(e.manifest.Steps.Separator) {
		out.IDs, err = e.ids(ctx, form, out.Text, within)
	} else {
		out.IDs, err = e.placedIDs(ctx, out.Text, content, steps, form, within)
	}
	if err != nil {
		return err
	}
	return e.finish(out, form)
}

// keeps refuses a rendered text that lacks the steps, which a template may trim at their ends and not otherwise: those
// of thinking models leave out what stands before </think>, and then no step can be found.
func (e *Encoder) keeps(text, content string) error {
	if strings.Contains(text, strings.TrimSpace(content)) {
		return nil
	}
	return fault.New(fault.CodeTemplate, "the chat template leaves out or changes a part of the steps' text, as some do with what stands "+
		"before </think>, and model %q reads where they end", e.manifest.Name)
}

// placedIDs tokenizes text whose separator is no added token: what stands beside one may make another token with it,
// and other text may make its id. So each must end where its step does, and none elsewhere.
func (e *Encoder) placedIDs(ctx context.Context, text, content string, steps []string, form string, within bound) ([]int64, error) {
	if _, err := e.worth(form, text, within); err != nil || ctx.Err() != nil {
		return nil, cmp.Or(err, ctx.Err())
	}
	ids, ends, err := e.tokens.EncodeEnds(text)
	if err != nil {
		return nil, fault.New(fault.CodeItem, "%s: %v", form, err)
	}
	at := strings.LastIndex(text, content)
	if at < 0 { // a template may trim the turn
		left := len(content) - len(strings.TrimLeftFunc(content, unicode.IsSpace))
		at = strings.LastIndex(text, strings.TrimSpace(content)) - left
	}
	stepAt := make(map[int]int, len(steps)) // the steps, by the byte at which their separator ends
	found := make([]bool, len(steps))
	for k, step := range steps {
		if at += len(step) + len(e.manifest.Steps.Separator); k > 0 {
			at += len(e.manifest.Steps.Join)
		}
		stepAt[at] = k
	}
	name := e.manifest.Steps.Separator
	for i, id := range ids {
		if id != e.separator {
			continue
		}
		k, ok := stepAt[ends[i]]
		if !ok {
			return nil, fault.New(fault.CodeInText,
				"token %d of the rendered item is the separator %q, where no step ends: "+
					"it must not occur in a message or a step",
				i, name)
		}
		found[k] = true
	}
	if k := slices.Index(found, false); k >= 0 {
		return nil, fault.New(fault.CodeBoundary,
			"step %d and the separator %q behind it are tokenized otherwise than apart: "+
				"what stands beside the separator makes a token with it",
			k, name)
	}
	return ids, nil
}

// markSeparators finds the steps of a text by the separator's id, and sets the positions to them.
func (e *Encoder) markSeparators(out *Encoded) error {
	for i, id := range out.IDs {
		if id == e.separator {
			out.Steps = append(out.Steps, i)
		}
	}
	name := e.manifest.Steps.Separator
	if len(out.Steps) == 0 {
		return fault.New(fault.CodeNoSeparator, "the item has no step separator %q, and model %q reads a score at each",
			name, e.manifest.Name)
	}
	if out.Ends != nil && len(out.Steps) != len(out.Ends) {
		return fault.New(fault.CodeInText,
			"the rendered item has %d separators %q for %d steps: the separator must not occur in a message or a step",
			len(out.Steps), name, len(out.Ends))
	}
	return e.readSteps(out)
}

// markIDs reads ids of steps that were tokenized apart at every token of the separator, whether a step ends there or
// not: whoever made the ids knows which of them do, and no other position changes with what is read.
func (e *Encoder) markIDs(ctx context.Context, out *Encoded) error {
	spec := &e.manifest.Steps
	separator, err := e.ids(ctx, formIDs, spec.Separator, unbound)
	if err != nil {
		return err
	}
	if len(separator) != 1 {
		return fault.New(fault.CodeItem, "input_ids do not show where steps end: the separator %q of model %q is %d tokens", spec.Separator, e.manifest.Name, len(separator))
	}
	if err := e.applyPolicies(out, formIDs); err != nil {
		return err
	}
	for i, id := range out.IDs {
		if id == separator[0] && i >= spec.Offset {
			out.Steps = append(out.Steps, i-spec.Offset)
		}
	}
	if len(out.Steps) == 0 {
		return fault.New(fault.CodeNoSeparator, "the item has no step separator %q, and model %q reads a score at each", spec.Separator, e.manifest.Name)
	}
	return e.readSteps(out)
}
