package models

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// encodeSteps encodes a conversation whose last assistant turn is made of steps, and finds where each is read.
func (e *encoder) encodeSteps(item Item, form string, out *Encoded) error {
	before, steps, ends, err := stepsOf(item)
	if err != nil {
		return err
	}
	out.Ends = ends
	switch e.manifest.Steps.Tokenize {
	case TokenizeSeparate:
		err = e.encodeSeparate(before, steps, form, out)
	case TokenizePrefix:
		err = e.encodePrefixes(before, steps, form, out)
	default:
		messages := append(before, Message{Role: roleAssistant, Content: e.joined(steps)})
		if out.Text, err = e.render(item, messages, false); err != nil {
			return err
		}
		if out.IDs, err = e.ids(form, out.Text); err != nil {
			return err
		}
		return e.finish(out, form)
	}
	if err != nil {
		return err
	}
	if e.manifest.Likelihood == nil {
		return e.readSteps(out)
	}
	for step, at := range out.Steps {
		if at < out.Response {
			return fail(CodeEmpty, "step %d gives no token", step)
		}
	}
	return nil
}

// joined is the text of steps, each followed by the separator.
func (e *encoder) joined(steps []string) string {
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
func (e *encoder) encodeSeparate(before []Message, steps []string, form string, out *Encoded) error {
	prompt, err := e.render(Item{}, before, true)
	if err != nil {
		return err
	}
	if out.IDs, err = e.ids(form, prompt); err != nil {
		return err
	}
	out.IDs = e.applyBOS(out.IDs)
	start := len(out.IDs)
	separator, err := e.ids(form, e.manifest.Steps.Separator)
	if err != nil {
		return err
	}
	for i, step := range steps {
		ids, err := e.ids(form, step)
		if err != nil {
			return err
		}
		if len(ids)+len(separator) == 0 {
			return fail(CodeEmpty, "step %d gives no token", i)
		}
		out.IDs = append(append(out.IDs, ids...), separator...)
		at := len(out.IDs) - 1 - e.manifest.Steps.Offset
		if at < 0 {
			return fail(CodeItem, "step %d ends at token %d, and model %q reads %d before", i, len(out.IDs)-1, e.manifest.Name, e.manifest.Steps.Offset)
		}
		out.Steps = append(out.Steps, at)
	}
	if err := e.policies(out, form); err != nil {
		return err
	}
	if e.manifest.Likelihood != nil {
		return readFrom(out, max(1, start))
	}
	return nil
}

// encodePrefixes tokenizes the whole text, and the text cut after each step to find where the step is read.
func (e *encoder) encodePrefixes(before []Message, steps []string, form string, out *Encoded) error {
	var whole []int64
	for k := len(steps); k >= 1; k-- {
		messages := e.cut(before, steps[:k])
		text, err := e.render(Item{}, messages, false)
		if err != nil {
			return err
		}
		ids, err := e.ids(form, text)
		if err != nil {
			return err
		}
		if err := e.check(ids, form); err != nil {
			return err
		}
		ids = e.applyBOS(ids)
		if whole == nil {
			whole, out.Text = ids, text
		}
		at := len(ids) - 1 - e.manifest.Steps.Offset
		if at < 0 || at >= len(whole) || !slices.Equal(ids[:at+1], whole[:at+1]) {
			return fail(CodeBoundary, "step %d ends inside a token: what stands before its end is tokenized otherwise without the steps after it", k-1)
		}
		out.Steps = append(out.Steps, at)
	}
	slices.Reverse(out.Steps)
	out.IDs = e.applyEnd(slices.Clone(whole))
	for step := 1; step < len(out.Steps); step++ {
		if out.Steps[step] <= out.Steps[step-1] {
			return fail(CodeBoundary, "step %d ends inside a token, or gives none", step)
		}
	}
	if e.manifest.Likelihood != nil {
		return e.markResponse(out, e.cut(before, steps), form)
	}
	return nil
}

// cut is the conversation up to the last of the steps.
func (e *encoder) cut(before []Message, steps []string) []Message {
	messages := slices.Clone(before)
	if !e.manifest.Steps.Turns {
		return append(messages, Message{Role: roleAssistant, Content: e.joined(steps)})
	}
	for i, step := range steps {
		if last := len(messages) - 1; i == 0 && last >= 0 && messages[last].Role == roleUser {
			messages[last].Content += " " + step
		} else {
			messages = append(messages, Message{Role: roleUser, Content: step})
		}
		messages = append(messages, Message{Role: roleAssistant, Content: e.manifest.Steps.Separator})
	}
	return messages
}

// markSeparators finds the steps of a joint text by the separator's id.
func (e *encoder) markSeparators(out *Encoded) error {
	for i, id := range out.IDs {
		if id == e.separator {
			out.Steps = append(out.Steps, i)
		}
	}
	name := e.manifest.Steps.Separator
	if len(out.Steps) == 0 {
		return fail(CodeNoSeparator, "the item has no step separator %q, and model %q reads a score at each", name, e.manifest.Name)
	}
	if out.Ends != nil && len(out.Steps) != len(out.Ends) {
		return fail(CodeInText, "the rendered item has %d separators %q for %d steps: the separator must not occur in a message or a step",
			len(out.Steps), name, len(out.Ends))
	}
	return e.readSteps(out)
}

// readSteps reads the steps that are not skipped.
func (e *encoder) readSteps(out *Encoded) error {
	skip := e.manifest.Steps.Skip
	if len(out.Steps) <= skip {
		return fail(CodeEmpty, "the item has %d steps, and model %q gives the first %d no score", len(out.Steps), e.manifest.Name, skip)
	}
	out.Read = slices.Clone(out.Steps[skip:])
	return nil
}

// stepsOf gives the conversation before the steps, the steps, and where each ends in the response.
func stepsOf(item Item) (before []Message, steps []string, ends []int, err error) {
	before = slices.Clone(item.Messages)
	if item.Prompt != nil {
		before = []Message{{Role: roleUser, Content: *item.Prompt}}
	}
	if item.Steps != nil {
		ends, err = listed(item.Steps)
		return before, item.Steps, ends, err
	}
	var response string
	if item.Response != nil {
		response = *item.Response
	} else {
		last := before[len(before)-1]
		if last.Role != roleAssistant {
			return nil, nil, nil, fail(CodeItem, "the last of messages has role %q, and must be the assistant turn to be judged (or give steps)", last.Role)
		}
		before, response = before[:len(before)-1], last.Content
	}
	if item.Separator == nil || *item.Separator == "" {
		return nil, nil, nil, fail(CodeNoSeparator, "the item has a response but no separator to split it into steps; give separator, or steps as a list")
	}
	steps, ends, err = pieces(response, *item.Separator)
	return before, steps, ends, err
}

// listed gives the end of each step in the steps put together, in characters.
func listed(steps []string) ([]int, error) {
	if len(steps) == 0 {
		return nil, fail(CodeEmpty, "steps is empty")
	}
	ends := make([]int, len(steps))
	end := 0
	for i, step := range steps {
		if strings.TrimSpace(step) == "" {
			return nil, fail(CodeEmpty, "steps[%d] is empty", i)
		}
		end += utf8.RuneCountInString(step)
		ends[i] = end
	}
	return ends, nil
}

// pieces cuts a response at the client's separator. Pieces of white space alone are no steps.
func pieces(response, separator string) (steps []string, ends []int, err error) {
	at, width := 0, utf8.RuneCountInString(separator)
	for piece := range strings.SplitSeq(response, separator) {
		at += utf8.RuneCountInString(piece)
		if strings.TrimSpace(piece) != "" {
			steps, ends = append(steps, piece), append(ends, at)
		}
		at += width
	}
	if len(ends) == 0 {
		return nil, nil, fail(CodeEmpty, "the response has no step")
	}
	return steps, ends, nil
}
