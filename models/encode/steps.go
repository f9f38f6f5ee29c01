package encode

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

// encodeSteps encodes a conversation whose last assistant turn is made of steps, and finds where each is read.
func (e *Encoder) encodeSteps(ctx context.Context, item asked, form string, truncate Truncation, within bound, out *Encoded) error {
	before, steps, ends, err := splitSteps(item.Item)
	if err != nil {
		return err
	}
	if limit := e.manifest.Limits.MaxTokens; len(steps) > limit {
		return fault.New(fault.CodeTooLong,
			"the item has %d steps of a token or more, and limits.max_tokens of model %q is %d; no step is cut",
			len(steps), e.manifest.Name, limit)
	}
	out.Ends = ends
	switch {
	case e.manifest.Steps.Joint():
		return e.encodeJoint(ctx, item, before, steps, form, within, out)
	case e.manifest.Steps.Separate():
		err = e.encodeSeparate(ctx, item, before, steps, form, within, out)
	default:
		err = e.encodePrefixes(ctx, item, before, steps, form, truncate, within, out)
	}
	if err != nil {
		return err
	}
	if e.manifest.Likelihood == nil {
		return e.readSteps(out)
	}
	for step, at := range out.Steps {
		if at < out.Response {
			return fault.New(fault.CodeEmpty, "step %d gives no token", step)
		}
	}
	return e.requireScored(out)
}

// joined is the text of the steps, with the separator behind each and the manifest's join before all but the first.
func (e *Encoder) joined(steps []string) string {
	var content strings.Builder
	for i, step := range steps {
		if i > 0 {
			content.WriteString(e.manifest.Steps.Join)
		}
		content.WriteString(step)
		content.WriteString(e.manifest.Steps.Separator)
	}
	return content.String()
}

// encodeSeparate tokenizes the rendered prompt, each step and each separator on its own; a step is read at its last id.
func (e *Encoder) encodeSeparate(ctx context.Context, item asked, before []chat.Message, steps []string, form string, within bound, out *Encoded) error {
	prompt, err := e.render(item, before, true)
	if err != nil {
		return err
	}
	if out.IDs, err = e.ids(ctx, form, prompt, within); err != nil {
		return err
	}
	out.IDs = e.applyBOS(out.IDs)
	start := len(out.IDs)
	separator, err := e.ids(ctx, form, e.manifest.Steps.Separator, unbound)
	if err != nil {
		return err
	}
	for i, step := range steps {
		ids, err := e.ids(ctx, form, step, within)
		switch {
		case err != nil:
			return err
		case len(out.IDs)+len(ids) > within.tokens:
			return e.tooMany(len(out.IDs) + len(ids))
		}
		if len(ids)+len(separator) == 0 {
			return fault.New(fault.CodeEmpty, "step %d gives no token", i)
		}
		out.IDs = append(append(out.IDs, ids...), separator...)
		at := len(out.IDs) - 1 - e.manifest.Steps.Offset
		if at < 0 {
			return e.beforeStart(i, len(out.IDs)-1)
		}
		out.Steps = append(out.Steps, at)
	}
	if err := e.checkIDs(out.IDs, form); err != nil {
		return err
	}
	out.IDs = e.applyEnd(out.IDs) // the prompt has its BOS already
	if e.manifest.Likelihood != nil {
		return readFrom(out, max(1, start))
	}
	return nil
}

// encodePrefixes tokenizes the whole text, and the text cut after each step to find where the step is read. It goes on
// only where that takes no longer than for the longest item.
func (e *Encoder) encodePrefixes(ctx context.Context, item asked, before []chat.Message, steps []string, form string, truncate Truncation, within bound, out *Encoded) error {
	var whole []int64
	for k := len(steps); k >= 1; k-- {
		messages := e.conversationUpTo(before, steps[:k])
		text, err := e.render(item, messages, false)
		if err != nil {
			return err
		}
		ids, err := e.ids(ctx, form, text, within)
		if err != nil {
			return err
		}
		if err := e.checkIDs(ids, form); err != nil {
			return err
		}
		ids = e.applyBOS(ids)
		if whole == nil {
			whole, out.Text = ids, text
			if err := e.worthPrefixes(text, messages, len(ids), len(steps), truncate); err != nil {
				return err
			}
		}
		at := len(ids) - 1 - e.manifest.Steps.Offset
		if at < 0 {
			return e.beforeStart(k-1, len(ids)-1)
		}
		if at >= len(whole) || !slices.Equal(ids[:at+1], whole[:at+1]) {
			return fault.New(fault.CodeBoundary,
				"step %d ends inside a token: what stands before its end is tokenized otherwise without the steps "+
					"after it",
				k-1)
		}
		out.Steps = append(out.Steps, at)
	}
	slices.Reverse(out.Steps)
	out.IDs = e.applyEnd(slices.Clone(whole))
	for step := 1; step < len(out.Steps); step++ {
		if out.Steps[step] <= out.Steps[step-1] {
			return fault.New(fault.CodeBoundary, "step %d ends inside a token, or gives none", step)
		}
	}
	if e.manifest.Likelihood != nil {
		return e.markResponse(ctx, out, item, e.conversationUpTo(before, steps), form)
	}
	return nil
}

// worthPrefixes refuses an item whose rendered text lacks its steps, or whose prefixes would take longer to tokenize
// than those of the longest item.
func (e *Encoder) worthPrefixes(text string, messages []chat.Message, n, steps int, truncate Truncation) error {
	if !e.manifest.Steps.Turns {
		if err := e.keeps(text, messages[len(messages)-1].Content); err != nil {
			return err
		}
	}
	switch limit := e.manifest.Limits.MaxTokens; {
	case n > limit && truncate == TruncateError:
		return e.tooLong(n)
	case n*steps > limit*limit:
		return fault.New(fault.CodeTooLong,
			"the item has %d tokens and %d steps, each tokenized with all before it, "+
				"and limits.max_tokens of model %q is %d",
			n, steps, e.manifest.Name, limit)
	}
	return nil
}

// beforeStart is the error of a step whose position, by steps.offset, would lie before the item's first token.
func (e *Encoder) beforeStart(step, end int) error {
	return fault.New(fault.CodeItem, "step %d ends at token %d, and model %q reads %d before", step, end,
		e.manifest.Name, e.manifest.Steps.Offset)
}

// conversationUpTo is the conversation that ends with the last of these steps.
func (e *Encoder) conversationUpTo(before []chat.Message, steps []string) []chat.Message {
	messages := slices.Clone(before)
	if !e.manifest.Steps.Turns {
		return append(messages, chat.Message{Role: roleAssistant, Content: e.joined(steps)})
	}
	for i, step := range steps {
		if last := len(messages) - 1; i == 0 && last >= 0 && messages[last].Role == roleUser {
			messages[last].Content += " " + step
		} else {
			messages = append(messages, chat.Message{Role: roleUser, Content: step})
		}
		messages = append(messages, chat.Message{Role: roleAssistant, Content: e.manifest.Steps.Separator})
	}
	return messages
}

// readSteps sets the positions to those of the steps that are not skipped.
func (e *Encoder) readSteps(out *Encoded) error {
	if err := e.requireScored(out); err != nil {
		return err
	}
	out.Positions = slices.Clone(out.Steps[e.manifest.Steps.Skip:])
	return nil
}

// requireScored refuses an item whose steps are all skipped.
func (e *Encoder) requireScored(out *Encoded) error {
	if skip := e.manifest.Steps.Skip; len(out.Steps) <= skip {
		return fault.New(fault.CodeEmpty, "the item has %d steps, and model %q gives the first %d no score",
			len(out.Steps), e.manifest.Name, skip)
	}
	return nil
}

// splitSteps gives the conversation before the steps, the steps, and the end of each in characters of the response.
func splitSteps(item Item) (before []chat.Message, steps []string, ends []int, err error) {
	before = slices.Clone(item.Messages)
	if item.Prompt != nil {
		before = []chat.Message{{Role: roleUser, Content: *item.Prompt}}
	}
	if item.Steps != nil {
		ends, err = endsOfList(item.Steps)
		return before, item.Steps, ends, err
	}
	var response string
	if item.Response != nil {
		response = *item.Response
	} else {
		last := before[len(before)-1]
		if last.Role != roleAssistant {
			return nil, nil, nil, fault.New(fault.CodeItem,
				"the last of messages has role %q, and must be the assistant turn to be judged (or give steps)",
				last.Role)
		}
		if last.More != nil {
			return nil, nil, nil, fault.New(fault.CodeItem,
				"the last of messages is split into steps, and has more than content; leave its name, tool_calls and reasoning_content out")
		}
		before, response = before[:len(before)-1], last.Content
	}
	if item.Separator == nil || *item.Separator == "" {
		return nil, nil, nil, fault.New(fault.CodeNoSeparator,
			"the item has a response but no separator to split it into steps; give separator, or steps as a list")
	}
	steps, ends, err = splitAt(response, *item.Separator)
	return before, steps, ends, err
}

// endsOfList gives the end of each step, in characters of all steps put together.
func endsOfList(steps []string) ([]int, error) {
	if len(steps) == 0 {
		return nil, fault.New(fault.CodeEmpty, "steps is empty")
	}
	ends := make([]int, len(steps))
	end := 0
	for i, step := range steps {
		if strings.TrimSpace(step) == "" {
			return nil, fault.New(fault.CodeEmpty, "steps[%d] is empty", i)
		}
		end += utf8.RuneCountInString(step)
		ends[i] = end
	}
	return ends, nil
}

// splitAt cuts a response at the client's separator, and gives the end of each step in characters of the response. What
// is white space alone is no step.
func splitAt(response, separator string) (steps []string, ends []int, err error) {
	at, width := 0, utf8.RuneCountInString(separator)
	for piece := range strings.SplitSeq(response, separator) {
		at += utf8.RuneCountInString(piece)
		if strings.TrimSpace(piece) != "" {
			steps, ends = append(steps, piece), append(ends, at)
		}
		at += width
	}
	if len(ends) == 0 {
		return nil, nil, fault.New(fault.CodeEmpty, "the response has no step")
	}
	return steps, ends, nil
}
