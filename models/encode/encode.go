package encode

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/tokenizer"
)

// Encode renders, tokenizes and marks the positions to read; of features it checks the names. It ends soon after ctx
// does. Its errors are *fault.Error, or ctx's; beside one, Encoded has the number of tokens, if that was found out, and
// nothing else.
func (e *Encoder) Encode(ctx context.Context, item Item, options Options) (Encoded, error) {
	return e.whole(ctx, asked{Item: e.inOneText([]Item{item})[0]}, options)
}

// whole gives an item with all that Encoded promises.
func (e *Encoder) whole(ctx context.Context, item asked, options Options) (Encoded, error) {
	out, err := e.encode(ctx, item, options)
	out.Tokens = max(out.Tokens, len(out.IDs))
	switch {
	case err != nil:
		return Encoded{Tokens: out.Tokens}, err
	case !options.KeepText:
		out.Text = ""
	}
	return out, nil
}

func (e *Encoder) encode(ctx context.Context, item asked, options Options) (out Encoded, err error) {
	if e.manifest.ReadsFeatures() {
		return encodeFeatures(e.manifest, item.Item)
	}
	form, err := e.form(item.Item)
	if err != nil {
		return Encoded{}, err
	}
	marked := form == formIDs && item.Marks && e.manifest.Kind == manifest.KindProcess && e.manifest.Steps.Separate() && e.manifest.Likelihood == nil
	if !marked {
		if err := e.requireBoundaries(form); err != nil {
			return Encoded{}, err
		}
	}
	if out.User, err = e.userVector(item.Item); err != nil {
		return Encoded{}, err
	}
	within := e.within(options)
	if e.manifest.Kind == manifest.KindChoice {
		if err := e.encodeCandidate(ctx, item, form, options.Truncate, within, &out); err != nil {
			return Encoded{Tokens: counted(err)}, err
		}
		return out, nil
	}
	switch {
	case form == formIDs && len(item.InputIDs)-e.spareBOS(item.InputIDs) > within.tokens:
		return Encoded{Tokens: len(item.InputIDs)}, e.tooLong(len(item.InputIDs))
	case form == formIDs:
		out.IDs = slices.Clone(item.InputIDs)
		if marked {
			err = e.markIDs(ctx, &out)
			break
		}
		err = e.finish(&out, form)
	case form == formText:
		out.Text = *item.Text
		if out.IDs, err = e.ids(ctx, form, out.Text, within); err == nil {
			out.IDs = e.framed(out.IDs)
			err = e.finish(&out, form)
		}
	case e.manifest.Kind == manifest.KindProcess:
		err = e.encodeSteps(ctx, item, form, options.Truncate, within, &out)
	default:
		err = e.encodeTurns(ctx, item, form, within, &out)
	}
	if err != nil {
		return Encoded{Tokens: counted(err)}, err
	}
	if err := e.truncate(&out, options.Truncate, e.tailOf(form, out.IDs)); err != nil || !item.EveryToken {
		return out, err
	}
	return out, e.everyToken(&out)
}

// everyToken reads the rows of all tokens of an item.
func (e *Encoder) everyToken(out *Encoded) error {
	if m := e.manifest; m.Kind != manifest.KindEmbedding || m.PoolsInGraph() {
		return fault.New(fault.CodeItem, "model %q gives no vector of each token: that is for embedding models whose graph does not pool", m.Name)
	}
	out.Positions = make([]int, len(out.IDs))
	for at := range out.Positions {
		out.Positions[at] = at
	}
	return nil
}

// tailOf is how many ids at an item's end are the template's own, and are kept where its newest tokens are cut: those
// that follow every response. A text that a client rendered has them where it ends with them; where not, it has the end
// id, if the policy puts one, or what the frame has behind a text.
func (e *Encoder) tailOf(form string, ids []int64) int {
	n := len(e.tail)
	if form != formText && form != formIDs || n > 0 && len(ids) >= n && slices.Equal(ids[len(ids)-n:], e.tail) {
		return n
	}
	if _, after := e.frameOf(ids); after > 0 {
		return after
	}
	if e.manifest.Tokenizer.AppendsEnd() || e.manifest.Tokenizer.ReplacesEnd() {
		return 1
	}
	return 0
}

// requireBoundaries refuses the forms text and input_ids where the model must know what they do not show: where the
// response begins, where a step ends, or where the prompt does.
func (e *Encoder) requireBoundaries(form string) error {
	if form != formText && form != formIDs {
		return nil
	}
	m := e.manifest
	switch {
	case m.Likelihood != nil:
		return fault.New(fault.CodeItem,
			"%s does not show where the response begins, and model %q reads the response's likelihood: "+
				"give messages or prompt",
			form, m.Name)
	case m.Kind == manifest.KindProcess && !m.Steps.Joint():
		return fault.New(fault.CodeItem,
			"%s does not show where steps end, and model %q has no token that does: give a prompt with steps", form,
			m.Name)
	case m.Prompt.Rendered:
		return fault.New(fault.CodeItem,
			"%s does not show where the prompt ends, and model %q reads there: give messages or prompt", form, m.Name)
	}
	return nil
}

// encodeTurns encodes a conversation, or a pair of responses to one, and finds the positions to read.
func (e *Encoder) encodeTurns(ctx context.Context, item asked, form string, within bound, out *Encoded) (err error) {
	messages := turns(item.Item)
	if e.segments != nil {
		if out.IDs, err = e.encodeSegments(ctx, item.Item, messages, within); err != nil {
			return err
		}
		return e.finish(out, form)
	}
	if out.Text, err = e.render(item, messages, false); err != nil {
		return err
	}
	if out.IDs, err = e.ids(ctx, form, out.Text, within); err != nil {
		return err
	}
	out.IDs = e.framed(out.IDs)
	if e.manifest.Likelihood != nil {
		if err := e.applyPolicies(out, form); err != nil {
			return err
		}
		return e.markResponse(ctx, out, item, messages, form)
	}
	if e.manifest.Prompt.Rendered {
		before, err := e.promptIDs(ctx, item, messages, form, false)
		if err != nil {
			return err
		}
		if err := e.applyPolicies(out, form); err != nil {
			return err
		}
		if len(before) > len(out.IDs) || !slices.Equal(before, out.IDs[:len(before)]) {
			return fault.New(fault.CodeItem,
				"the prompt's %d tokens do not lead the item's, and model %q reads the last of them", len(before),
				e.manifest.Name)
		}
		return e.markPlaces(out, len(before)-1)
	}
	return e.finish(out, form)
}

// finish applies the policies to the ids and finds the positions to read.
func (e *Encoder) finish(out *Encoded, form string) error {
	if err := e.applyPolicies(out, form); err != nil {
		return err
	}
	if e.manifest.Kind == manifest.KindProcess {
		return e.markSeparators(out)
	}
	return e.markPlaces(out)
}

// markPlaces sets the positions to those given, the one where the prompt's pattern begins, if the manifest has one, and
// the one of the pooling rule. They must ascend.
func (e *Encoder) markPlaces(out *Encoded, before ...int) error {
	if pattern := e.manifest.Prompt.Pattern; pattern != nil {
		at := lastPattern(out.IDs, pattern)
		if at < 0 {
			return fault.New(fault.CodeItem, "the item lacks the ids %d that end a prompt, and model %q reads there",
				pattern, e.manifest.Name)
		}
		before = append(before, at)
	}
	place, err := e.pooledPosition(out.IDs)
	if err != nil {
		return err
	}
	for _, at := range before {
		if at < 0 || at >= place {
			return fault.New(fault.CodeItem,
				"the prompt ends at token %d, and model %q reads the response at token %d, which must come later", at,
				e.manifest.Name, place)
		}
	}
	out.Positions = append(before, place)
	return nil
}

// promptIDs gives the ids of the conversation without its last assistant turn, BOS policy applied.
func (e *Encoder) promptIDs(ctx context.Context, item asked, messages []chat.Message, form string, generate bool) ([]int64, error) {
	last := len(messages) - 1
	if messages[last].Role != roleAssistant {
		return nil, fault.New(fault.CodeItem,
			"the last of messages has role %q, and must be the assistant turn to be judged", messages[last].Role)
	}
	if last == 0 {
		return nil, fault.New(fault.CodeItem,
			"messages has the assistant turn alone, and model %q judges it by what stands before", e.manifest.Name)
	}
	text, err := e.render(item, messages[:last], generate)
	if err != nil {
		return nil, err
	}
	ids, err := e.ids(ctx, form, text, unbound)
	return e.applyBOS(ids), err
}

// markResponse reads every token before one of the response: its row predicts the next.
func (e *Encoder) markResponse(ctx context.Context, out *Encoded, item asked, messages []chat.Message, form string) error {
	before, err := e.promptIDs(ctx, item, messages, form, true)
	if err != nil {
		return err
	}
	start := 0
	for start < min(len(before), len(out.IDs)) && before[start] == out.IDs[start] {
		start++
	}
	return readFrom(out, max(1, start))
}

// readFrom sets the positions of a likelihood model whose response begins at token start: every token that another one
// of the response follows, since its row predicts that one.
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

// render gives the text of a conversation. The template of a pair model gets the item's two responses beside it.
func (e *Encoder) render(item asked, messages []chat.Message, generate bool) (text string, err error) {
	switch {
	case e.template == nil:
		return "", fault.New(fault.CodeNoTemplate, "model %q has no chat template, so it takes text or input_ids only",
			e.manifest.Name)
	case e.manifest.Kind == manifest.KindPair:
		text, err = e.renderPair(item, messages)
	default:
		text, err = e.renderTurns(item, messages, generate)
	}
	if err != nil {
		return "", fault.New(fault.CodeTemplate, "the chat template of model %q refused the conversation: %v",
			e.manifest.Name, err)
	}
	return text, nil
}

// renderTurns renders a conversation, together with those of the item's mates where it can be.
func (e *Encoder) renderTurns(item asked, messages []chat.Message, generate bool) (string, error) {
	if text, ok, err := item.mates.render(messages, generate); ok {
		return text, err
	}
	return e.templateOf(item.beside()).Render(messages, generate)
}

// renderPair renders a pair of responses, together with those of the item's mates where it can be.
func (e *Encoder) renderPair(item asked, messages []chat.Message) (string, error) {
	if text, ok, err := item.mates.renderPair(messages, *item.First, *item.Second); ok {
		return text, err
	}
	return e.templateOf(item.beside()).RenderPair(messages, *item.First, *item.Second)
}

// MaxText is how many bytes of text an item may have once it is rendered, also where its tokens are to be cut.
const MaxText = 4 << 20

// All tokens of a text are counted, however few it may have, where it has at most so many bytes and the request so many
// items: who sent a text that is too long wants to know by how much.
const (
	countedText  = 16 << 10
	countedItems = 64
)

// ids tokenizes text as it stands. Text that has more tokens than the bound is refused: by its bytes alone where so
// many tokens cannot have as many, or else as soon as more are found.
func (e *Encoder) ids(ctx context.Context, form, text string, within bound) ([]int64, error) {
	most, err := e.worth(form, text, within)
	if err != nil {
		return nil, err
	}
	ids, err := e.tokens.EncodeWithin(ctx, text, most)
	if err == nil {
		return ids, nil
	}
	return nil, e.refused(ctx, form, err)
}

// worth is how many tokens of a text are worth counting, or why none are: it has more bytes than so many tokens can
// have.
func (e *Encoder) worth(form, text string, within bound) (most int, err error) {
	most = within.tokens
	if !within.hurry && len(text) <= countedText {
		most = math.MaxInt
	}
	for rest := text; most < math.MaxInt && e.bos != "" && strings.HasPrefix(rest, e.bos); rest = rest[len(e.bos):] {
		most++ // the policy takes it away again
	}
	switch bytes := e.tokens.MostBytes(most); {
	case len(text) > MaxText:
		return 0, fault.New(fault.CodeTooLong, "%s has %d bytes of text once it is rendered, and an item may have %d", form, len(text), MaxText)
	case len(text) > bytes:
		return 0, fault.New(fault.CodeTooLong, "%s has %d bytes of text once it is rendered, and the %d tokens that limits.max_tokens of model %q allows have %d at most",
			form, len(text), e.manifest.Limits.MaxTokens, e.manifest.Name, bytes)
	}
	return most, nil
}

// refused is why text that was to be tokenized was not.
func (e *Encoder) refused(ctx context.Context, form string, err error) error {
	var more *tokenizer.MoreError
	switch {
	case errors.As(err, &more):
		return e.tooMany(more.Tokens)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fault.New(fault.CodeItem, "%s: %v", form, err)
}

// tooMany is the refusal of an item that has so many tokens at least.
func (e *Encoder) tooMany(tokens int) error {
	return &tooManyError{fault.New(fault.CodeTooLong, "the item has at least %d tokens, and limits.max_tokens of model %q is %d; %s",
		tokens, e.manifest.Name, e.manifest.Limits.MaxTokens, e.remedy()), tokens}
}

// tooManyError is the refusal of a text whose tokens were counted up to where they were too many.
type tooManyError struct {
	error
	tokens int
}

// Unwrap gives the refusal, a *fault.Error.
func (e *tooManyError) Unwrap() error { return e.error }

// counted is how many tokens were counted of an item that was refused for them.
func counted(err error) int {
	if many, ok := errors.AsType[*tooManyError](err); ok {
		return many.tokens
	}
	return 0
}

// policyTokens is by how many tokens the policies on the first and last tokens may shorten an item, with some to spare.
const policyTokens = 8

// bound is how far the tokens of an item are worth counting.
type bound struct {
	tokens int  // an item with more is refused
	hurry  bool // as soon as that is known, without counting how many more there are
}

// unbound counts all tokens.
var unbound = bound{tokens: math.MaxInt}

// within is the bound of an item: none, where some tokens are to be cut.
func (e *Encoder) within(options Options) bound {
	if options.Truncate == TruncateLeft || options.Truncate == TruncateRight {
		return unbound
	}
	return bound{min(e.manifest.Limits.MaxTokens, math.MaxInt-policyTokens) + policyTokens, options.Hurry}
}
