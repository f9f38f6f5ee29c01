package encode

import (
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Forms of an item. Each is the name of the field that an item of this form has.
const (
	formMessages = "messages"
	formPrompt   = "prompt"
	formText     = "text"
	formIDs      = "input_ids"
	formFeatures = "features"
)

// Roles that the encoder tells apart.
const (
	roleUser      = "user"
	roleAssistant = "assistant"
)

// form tells which form the item has. It refuses an item without a form, one of several, one that is incomplete, and
// one that the model's kind cannot take.
func (e *Encoder) form(item Item) (string, error) {
	forms := make([]string, 0, 5)
	add := func(given bool, form string) {
		if given {
			forms = append(forms, form)
		}
	}
	add(item.Messages != nil, formMessages)
	add(item.Prompt != nil, formPrompt)
	add(item.Text != nil, formText)
	add(item.InputIDs != nil, formIDs)
	add(item.Features != nil, formFeatures)
	switch {
	case len(forms) == 0:
		return "", fault.New(fault.CodeItem, "the item has none of messages, prompt, text and input_ids")
	case len(forms) > 1:
		return "", fault.New(fault.CodeItem, "the item has %s, and must have one of them", strings.Join(forms, " and "))
	}
	form := forms[0]
	if form == formFeatures {
		return "", fault.New(fault.CodeItem, "features are for models that read them, and model %q reads tokens",
			e.manifest.Name)
	}
	rendered := form == formText || form == formIDs
	process, pair, choice := e.manifest.Kind == manifest.KindProcess, e.manifest.Kind == manifest.KindPair, e.manifest.Kind == manifest.KindChoice
	switch {
	case form == formMessages && len(item.Messages) == 0:
		return "", fault.New(fault.CodeEmpty, "messages is empty")
	case form == formText && *item.Text == "":
		return "", fault.New(fault.CodeEmpty, "text is empty")
	case form == formIDs && len(item.InputIDs) == 0:
		return "", fault.New(fault.CodeEmpty, "input_ids is empty")
	case rendered && (item.Response != nil || item.Steps != nil || item.Separator != nil):
		return "", fault.New(fault.CodeItem,
			"%s stands alone: response, steps and separator go with prompt or messages", form)
	case !process && (item.Steps != nil || item.Separator != nil):
		return "", fault.New(fault.CodeItem, "steps and separator are for process models, and %q is %s",
			e.manifest.Name, e.manifest.Kind.Model())
	case pair && !rendered && (item.First == nil || item.Second == nil || item.Response != nil):
		return "", fault.New(fault.CodeItem, "model %q reads two responses at once: ask compare or rank",
			e.manifest.Name)
	case !pair && (item.First != nil || item.Second != nil):
		return "", fault.New(fault.CodeItem, "first and second are for pair models, and %q is %s", e.manifest.Name, e.manifest.Kind.Model())
	case choice && item.Response != nil:
		return "", fault.New(fault.CodeItem, "model %q reads what follows a prompt, and the item has a response", e.manifest.Name)
	case !choice && (item.Candidates != nil || item.CandidateID != nil):
		return "", fault.New(fault.CodeItem, "candidates are for choice models, and %q is %s", e.manifest.Name, e.manifest.Kind.Model())
	case form == formPrompt && item.Response == nil && item.Steps == nil && !pair && !choice:
		return "", fault.New(fault.CodeItem, "prompt needs response or steps beside it")
	case item.Response != nil && item.Steps != nil:
		return "", fault.New(fault.CodeItem, "the item has response and steps, and must have one of them")
	case item.Steps != nil && item.Separator != nil:
		return "", fault.New(fault.CodeItem, "separator splits a response, and this item gives its steps as a list")
	}
	if err := e.checkTurns(item.Messages); err != nil {
		return form, err
	}
	return form, e.checkBeside(&item, form)
}

// turns gives the conversation of an item that has no steps. What responses to one prompt share is not changed.
func turns(item Item) []chat.Message {
	messages := slices.Clip(item.Messages)
	if item.Prompt != nil {
		messages = []chat.Message{{Role: roleUser, Content: *item.Prompt}}
	}
	if item.Response != nil {
		messages = append(messages, chat.Message{Role: roleAssistant, Content: *item.Response})
	}
	return messages
}
