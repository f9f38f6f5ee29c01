package encode

import (
	"slices"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Encode renders, tokenizes and marks the positions to read; of features it checks the names. Its errors are *Error.
func (e *Encoder) Encode(item Item, truncate Truncation) (Encoded, error) {
	if e.manifest.ReadsFeatures() {
		return encodeFeatures(e.manifest, item)
	}
	form, err := e.form(item)
	if err != nil {
		return Encoded{}, err
	}
	if err := e.bounded(form); err != nil {
		return Encoded{}, err
	}
	var out Encoded
	if out.User, err = e.userOf(item); err != nil {
		return Encoded{}, err
	}
	tail := 0
	if e.manifest.Tokenizer.AppendsEnd() || e.manifest.Tokenizer.ReplacesEnd() {
		tail = 1
	}
	switch {
	case form == formIDs:
		out.IDs = slices.Clone(item.InputIDs)
		err = e.finish(&out, form)
	case form == formText:
		out.Text = *item.Text
		if out.IDs, err = e.ids(form, out.Text); err == nil {
			err = e.finish(&out, form)
		}
	case e.manifest.Kind == manifest.KindProcess:
		tail = e.tail
		err = e.encodeSteps(item, form, truncate, &out)
	default:
		tail = e.tail
		err = e.encodeTurns(item, form, &out)
	}
	if err != nil {
		return Encoded{}, err
	}
	return out, e.truncate(&out, truncate, tail)
}

// bounded refuses forms that do not show where the response or a step begins, for models that must know.
func (e *Encoder) bounded(form string) error {
	if form != formText && form != formIDs {
		return nil
	}
	m := e.manifest
	switch {
	case m.Likelihood != nil:
		return fault.New(fault.CodeItem, "%s does not show where the response begins, and model %q reads the response's likelihood: give messages or prompt", form, m.Name)
	case m.Kind == manifest.KindProcess && !m.Steps.Joint():
		return fault.New(fault.CodeItem, "%s does not show where steps end, and model %q has no token that does: give a prompt with steps", form, m.Name)
	case m.Prompt.Rendered:
		return fault.New(fault.CodeItem, "%s does not show where the prompt ends, and model %q reads there: give messages or prompt", form, m.Name)
	}
	return nil
}

// encodeTurns encodes a conversation, or a pair of responses to one, and finds the positions to read.
func (e *Encoder) encodeTurns(item Item, form string, out *Encoded) (err error) {
	messages := turns(item)
	if e.segments != nil {
		if out.IDs, err = e.encodeSegments(item, messages); err != nil {
			return err
		}
		return e.finish(out, form)
	}
	if out.Text, err = e.render(item, messages, false); err != nil {
		return err
	}
	if out.IDs, err = e.ids(form, out.Text); err != nil {
		return err
	}
	if e.manifest.Likelihood != nil {
		if err := e.policies(out, form); err != nil {
			return err
		}
		return e.markResponse(out, messages, form)
	}
	if e.manifest.Prompt.Rendered {
		before, err := e.leading(messages, form, false)
		if err != nil {
			return err
		}
		if err := e.policies(out, form); err != nil {
			return err
		}
		if len(before) > len(out.IDs) || !slices.Equal(before, out.IDs[:len(before)]) {
			return fault.New(fault.CodeItem, "the prompt's %d tokens do not lead the item's, and model %q reads the last of them", len(before), e.manifest.Name)
		}
		return e.markPlaces(out, len(before)-1)
	}
	return e.finish(out, form)
}

// finish applies the policies and marks the positions to read.
func (e *Encoder) finish(out *Encoded, form string) error {
	if err := e.policies(out, form); err != nil {
		return err
	}
	if e.manifest.Kind == manifest.KindProcess {
		return e.markSeparators(out)
	}
	return e.markPlaces(out)
}

// markPlaces reads the places given and that of the pooling rule.
func (e *Encoder) markPlaces(out *Encoded, before ...int) error {
	if pattern := e.manifest.Prompt.Pattern; pattern != nil {
		at := lastPattern(out.IDs, pattern)
		if at < 0 {
			return fault.New(fault.CodeItem, "the item lacks the ids %d that end a prompt, and model %q reads there", pattern, e.manifest.Name)
		}
		before = append(before, at)
	}
	place, err := e.place(out.IDs)
	if err != nil {
		return err
	}
	for _, at := range before {
		if at < 0 || at >= place {
			return fault.New(fault.CodeItem, "the prompt ends at token %d, and model %q reads the response at token %d, which must come later", at, e.manifest.Name, place)
		}
	}
	out.Positions = append(before, place)
	return nil
}

// leading gives the ids of the conversation without its last assistant turn, BOS policy applied.
func (e *Encoder) leading(messages []chat.Message, form string, generate bool) ([]int64, error) {
	last := len(messages) - 1
	if messages[last].Role != roleAssistant {
		return nil, fault.New(fault.CodeItem, "the last of messages has role %q, and must be the assistant turn to be judged", messages[last].Role)
	}
	if last == 0 {
		return nil, fault.New(fault.CodeItem, "messages has the assistant turn alone, and model %q judges it by what stands before", e.manifest.Name)
	}
	text, err := e.render(Item{}, messages[:last], generate)
	if err != nil {
		return nil, err
	}
	ids, err := e.ids(form, text)
	return e.applyBOS(ids), err
}

// markResponse reads every token before one of the response: its row predicts the next.
func (e *Encoder) markResponse(out *Encoded, messages []chat.Message, form string) error {
	before, err := e.leading(messages, form, true)
	if err != nil {
		return err
	}
	start := 0
	for start < min(len(before), len(out.IDs)) && before[start] == out.IDs[start] {
		start++
	}
	return readFrom(out, max(1, start))
}

// readFrom sets the positions of a likelihood model whose response begins at token start.
func readFrom(out *Encoded, start int) error {
	if start >= len(out.IDs) {
		return fault.New(fault.CodeEmpty, "the response gives no token")
	}
	out.Response = start
	out.Positions = make([]int, 0, len(out.IDs)-start)
	for at := start - 1; at < len(out.IDs)-1; at++ {
		out.Positions = append(out.Positions, at)
	}
	return nil
}

// render gives the text of a conversation; a pair item's two responses go to the template beside it.
func (e *Encoder) render(item Item, messages []chat.Message, generate bool) (text string, err error) {
	switch {
	case e.template == nil:
		return "", fault.New(fault.CodeNoTemplate, "model %q has no chat template, so it takes text or input_ids only", e.manifest.Name)
	case e.manifest.Kind == manifest.KindPair:
		text, err = e.template.RenderPair(messages, *item.First, *item.Second)
	default:
		text, err = e.template.Render(messages, generate)
	}
	if err != nil {
		return "", fault.New(fault.CodeTemplate, "the chat template of model %q refused the conversation: %v", e.manifest.Name, err)
	}
	return text, nil
}

// ids tokenizes text as it stands.
func (e *Encoder) ids(form, text string) ([]int64, error) {
	ids, err := e.tokens.Encode(text)
	if err != nil {
		return nil, fault.New(fault.CodeItem, "%s: %v", form, err)
	}
	return ids, nil
}
