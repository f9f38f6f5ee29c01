package models

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/tokenizer"
)

// encoder turns items into ids and positions to read. It is safe for concurrent use.
type encoder struct {
	manifest  *Manifest
	tokens    *tokenizer.Tokenizer
	template  *template // nil when the bundle has none
	separator int64     // the step separator's id; -1 for reward models
	tail      int       // tokens that the template puts after the last turn's text
}

func (e *encoder) encode(item Item, truncate Truncation) (Encoded, error) {
	form, err := e.form(item)
	if err != nil {
		return Encoded{}, err
	}
	var out Encoded
	tail := 0
	switch form {
	case formIDs:
		out.IDs = slices.Clone(item.InputIDs)
	case formText:
		out.Text = *item.Text
	default:
		messages, ends, err := e.conversation(item)
		if err != nil {
			return Encoded{}, err
		}
		if out.Text, err = e.render(messages); err != nil {
			return Encoded{}, err
		}
		out.Ends, tail = ends, e.tail
	}
	if form != formIDs {
		if out.IDs, err = e.tokens.Encode(out.Text); err != nil {
			return Encoded{}, fail(CodeItem, "%s: %v", form, err)
		}
	}
	if err := e.check(out.IDs, form); err != nil {
		return Encoded{}, err
	}
	out.IDs = e.applyBOS(out.IDs)
	if err := e.mark(&out); err != nil {
		return Encoded{}, err
	}
	return out, e.truncate(&out, truncate, tail)
}

func (e *encoder) render(messages []Message) (string, error) {
	if e.template == nil {
		return "", fail(CodeNoTemplate, "model %q has no chat template, so it takes text or input_ids only", e.manifest.Name)
	}
	text, err := e.template.render(messages)
	if err != nil {
		return "", fail(CodeTemplate, "the chat template of model %q refused the conversation: %v", e.manifest.Name, innermost(err))
	}
	return text, nil
}

// innermost is the error at the bottom of a chain: what the template raised, without the template engine's trail.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// check refuses ids that the graph has no embedding for.
func (e *encoder) check(ids []int64, form string) error {
	if len(ids) == 0 {
		return fail(CodeEmpty, "%s gives no token", form)
	}
	for i, id := range ids {
		if id < 0 || id >= e.manifest.Graph.VocabSize {
			return fail(CodeID, "%s: token %d has id %d, and the ids of model %q are 0 to %d",
				form, i, id, e.manifest.Name, e.manifest.Graph.VocabSize-1)
		}
	}
	return nil
}

// applyBOS makes exactly one BOS lead the ids when the policy says so; other policies leave ids alone.
func (e *encoder) applyBOS(ids []int64) []int64 {
	if e.manifest.Tokenizer.BOS != BOSOne {
		return ids
	}
	bos := *e.manifest.Tokenizer.BOSID
	first := 0
	for first < len(ids) && ids[first] == bos {
		first++
	}
	if first == 0 {
		return slices.Insert(ids, 0, bos)
	}
	return ids[first-1:]
}

// mark finds the positions to read.
func (e *encoder) mark(out *Encoded) error {
	if e.manifest.Kind == Reward {
		out.Read = []int{len(out.IDs) - 1}
		return nil
	}
	for i, id := range out.IDs {
		if id == e.separator {
			out.Read = append(out.Read, i)
		}
	}
	name := e.manifest.Steps.Separator
	if len(out.Read) == 0 {
		return fail(CodeNoSeparator, "the item has no step separator %q, and model %q reads a score at each", name, e.manifest.Name)
	}
	if out.Ends != nil && len(out.Read) != len(out.Ends) {
		return fail(CodeInText, "the rendered item has %d separators %q for %d steps: the separator must not occur in a message or a step",
			len(out.Read), name, len(out.Ends))
	}
	return nil
}

// truncate cuts an item that is too long, as asked, and never a position to read.
func (e *encoder) truncate(out *Encoded, truncate Truncation, tail int) error {
	limit, n := e.manifest.Limits.MaxTokens, len(out.IDs)
	if n <= limit {
		return nil
	}
	head := 0
	if e.manifest.Tokenizer.BOS == BOSOne {
		head = 1
	}
	cut := n - limit
	from := head // the cut removes tokens from … from+cut
	switch truncate {
	case TruncateLeft:
	case TruncateRight:
		from = n - tail - cut
	case TruncateError:
		return fail(CodeTooLong, "the item has %d tokens, and limits.max_tokens of model %q is %d; truncate: left or right would cut it", n, e.manifest.Name, limit)
	default:
		return fail(CodeItem, "truncate is %q, and must be error, left or right", truncate)
	}
	if limit <= head+tail {
		return fail(CodeTooLong, "the item has %d tokens, and limits.max_tokens %d of model %q leaves no room beside the template's own tokens", n, limit, e.manifest.Name)
	}
	if e.manifest.Kind == Process {
		for step, at := range out.Read {
			if at >= from && at < from+cut {
				return fail(CodeTooLong, "the item has %d tokens, and cutting it to limits.max_tokens %d would remove the end of step %d", n, limit, step)
			}
			if at >= from+cut {
				out.Read[step] = at - cut
			}
		}
	}
	out.IDs = slices.Delete(out.IDs, from, from+cut)
	out.Truncated = cut
	if e.manifest.Kind == Reward {
		out.Read = []int{len(out.IDs) - 1}
	}
	return nil
}

// Forms of an item, named by the field that carries the text.
const (
	formMessages = "messages"
	formPrompt   = "prompt"
	formText     = "text"
	formIDs      = "input_ids"
)

// form tells which form the item has, and refuses none, several, or an incomplete one.
func (e *encoder) form(item Item) (string, error) {
	var forms []string
	add := func(given bool, form string) {
		if given {
			forms = append(forms, form)
		}
	}
	add(item.Messages != nil, formMessages)
	add(item.Prompt != nil, formPrompt)
	add(item.Text != nil, formText)
	add(item.InputIDs != nil, formIDs)
	switch {
	case len(forms) == 0:
		return "", fail(CodeItem, "the item has none of messages, prompt, text and input_ids")
	case len(forms) > 1:
		return "", fail(CodeItem, "the item has %s, and must have one of them", strings.Join(forms, " and "))
	}
	form := forms[0]
	switch {
	case form == formMessages && len(item.Messages) == 0:
		return "", fail(CodeEmpty, "messages is empty")
	case form == formText && *item.Text == "":
		return "", fail(CodeEmpty, "text is empty")
	case form == formIDs && len(item.InputIDs) == 0:
		return "", fail(CodeEmpty, "input_ids is empty")
	case form == formMessages && item.Response != nil:
		return "", fail(CodeItem, "response goes with prompt; in messages it is the last assistant turn")
	case (form == formText || form == formIDs) && (item.Response != nil || item.Steps != nil || item.Separator != nil):
		return "", fail(CodeItem, "%s stands alone: response, steps and separator go with prompt or messages", form)
	case e.manifest.Kind == Reward && (item.Steps != nil || item.Separator != nil):
		return "", fail(CodeItem, "steps and separator are for process models, and %q is a reward model", e.manifest.Name)
	case form == formPrompt && item.Response == nil && item.Steps == nil:
		return "", fail(CodeItem, "prompt needs response or steps beside it")
	case item.Response != nil && item.Steps != nil:
		return "", fail(CodeItem, "the item has response and steps, and must have one of them")
	case item.Steps != nil && item.Separator != nil:
		return "", fail(CodeItem, "separator splits a response, and this item gives its steps as a list")
	}
	return form, nil
}

// conversation gives the turns to render and, for a process model, where each step ends in the response.
func (e *encoder) conversation(item Item) ([]Message, []int, error) {
	messages := slices.Clone(item.Messages)
	if item.Prompt != nil {
		messages = []Message{{Role: "user", Content: *item.Prompt}}
	}
	if e.manifest.Kind == Reward {
		if item.Response != nil {
			messages = append(messages, Message{Role: "assistant", Content: *item.Response})
		}
		return messages, nil, nil
	}
	if item.Steps != nil {
		content, ends, err := e.join(item.Steps)
		return append(messages, Message{Role: "assistant", Content: content}), ends, err
	}
	var response string
	if item.Response != nil {
		response = *item.Response
	} else {
		last := messages[len(messages)-1]
		if last.Role != "assistant" {
			return nil, nil, fail(CodeItem, "the last of messages has role %q, and must be the assistant turn to be judged (or give steps)", last.Role)
		}
		messages, response = messages[:len(messages)-1], last.Content
	}
	if item.Separator == nil || *item.Separator == "" {
		return nil, nil, fail(CodeNoSeparator, "the item has a response but no separator to split it into steps; give separator, or steps as a list")
	}
	content, ends, err := e.split(response, *item.Separator)
	return append(messages, Message{Role: "assistant", Content: content}), ends, err
}

// join puts the separator after each step; step k ends where the steps up to it, put together, end.
func (e *encoder) join(steps []string) (string, []int, error) {
	if len(steps) == 0 {
		return "", nil, fail(CodeEmpty, "steps is empty")
	}
	var content strings.Builder
	ends := make([]int, len(steps))
	end := 0
	for i, step := range steps {
		if strings.TrimSpace(step) == "" {
			return "", nil, fail(CodeEmpty, "steps[%d] is empty", i)
		}
		end += utf8.RuneCountInString(step)
		ends[i] = end
		content.WriteString(step)
		content.WriteString(e.manifest.Steps.Separator)
	}
	return content.String(), ends, nil
}

// split cuts a response at the client's separator. Pieces of white space alone are no steps.
func (e *encoder) split(response, separator string) (string, []int, error) {
	var content strings.Builder
	var ends []int
	at, width := 0, utf8.RuneCountInString(separator)
	for piece := range strings.SplitSeq(response, separator) {
		at += utf8.RuneCountInString(piece)
		if strings.TrimSpace(piece) != "" {
			content.WriteString(piece)
			content.WriteString(e.manifest.Steps.Separator)
			ends = append(ends, at)
		}
		at += width
	}
	if len(ends) == 0 {
		return "", nil, fail(CodeEmpty, "the response has no step")
	}
	return content.String(), ends, nil
}
