package encode

import (
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/manifest"
)

// A family is the items of a request whose conversations differ in their last turn alone, as responses to one prompt
// do, or, of a pair model, in the two responses beside them, or, of a choice model, in the candidate behind them. The
// template renders what they share once, where it does the same with all of them:
//
//	{prompt: P, response: "4"}  ─┐             ┌─ <user>P<bot>4
//	{prompt: P, response: "5"}  ─┼─ rendered ──┼─ <user>P<bot>5
//	{prompt: P, response: "6"}  ─┘    once     └─ <user>P<bot>6
type family struct {
	template *chat.Template // with the texts beside the conversation
	beside   beside
	before   []chat.Message
	role     string
	contents []string // of each member's last turn, or its first response
	seconds  []string // of a pair model, its second

	first int          // the item that it began with
	left  atomic.Int64 // members that are not encoded yet
	texts *chat.Texts  // what whole gave

	whole   func() *chat.Texts        // of all, rendered when it is first asked for; nil: each is rendered by itself
	prompts [2]func() (string, error) // what stands before the last turn, likewise, without and with a generation prompt

	encoding sync.Once // of a choice model: of the prompt that all candidates follow
	encoded  prompt
	refusal  error
}

func (e *Encoder) newFamily(texts beside, before []chat.Message, role string, first int) *family {
	f := &family{template: e.templateOf(texts), beside: texts, before: before, role: role, first: first}
	f.whole = sync.OnceValue(func() *chat.Texts {
		if e.manifest.Kind == manifest.KindPair {
			f.texts = f.template.RenderEachPair(f.before, f.contents, f.seconds)
		} else {
			f.texts = f.template.RenderEach(f.before, f.role, f.contents)
		}
		return f.texts
	})
	for i, generate := range []bool{false, true} {
		f.prompts[i] = sync.OnceValues(func() (string, error) { return f.template.Render(f.before, generate) })
	}
	return f
}

// asked is an item of a request.
type asked struct {
	Item
	mates member
}

// member is an item's place in a family.
type member struct {
	family *family // nil: the item has none
	at     int
}

// A family has at most so many members and, where it has more than one, bytes of their last turns.
const (
	familyMembers = 256
	familyBytes   = 1 << 20
)

// families gives each item its place in a family.
func (e *Encoder) families(items []Item) []member {
	members := make([]member, len(items))
	if e.template == nil && e.manifest.Kind != manifest.KindChoice || e.manifest.Steps.Turns {
		return members
	}
	seed := maphash.MakeSeed()
	open := map[uint64]*family{} // by the hash of what stands before the last turn
	bytes := map[*family]int{}
	for i := range items {
		before, last, ok := e.lastTurn(items[i])
		if !ok {
			continue
		}
		size := len(last.Content)
		if items[i].Second != nil {
			size += len(*items[i].Second)
		}
		texts := items[i].beside()
		key := hash(seed, texts, before, last.Role)
		f := open[key]
		switch {
		case f == nil, len(f.contents) == familyMembers, bytes[f]+size > familyBytes:
			f = e.newFamily(texts, before, last.Role, i)
			open[key] = f
		case f.role != last.Role || f.beside != texts || !slices.Equal(f.before, before):
			continue // another conversation of the same hash
		}
		members[i] = member{f, len(f.contents)}
		f.left.Add(1)
		f.contents = append(f.contents, last.Content)
		if items[i].Second != nil {
			f.seconds = append(f.seconds, *items[i].Second)
		}
		bytes[f] += size
	}
	for i, m := range members {
		if m.family != nil && len(m.family.contents) == 1 {
			members[i] = member{}
		}
	}
	return members
}

// inFamilies are the numbers of the items, those of a family side by side, so that few families are held at once.
func inFamilies(members []member) []int {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	first := func(i int) int {
		if f := members[i].family; f != nil {
			return f.first
		}
		return i
	}
	slices.SortStableFunc(order, func(a, b int) int { return first(a) - first(b) })
	return order
}

// done gives the family's memory back when its last member is encoded.
func (m member) done() {
	if f := m.family; f != nil && f.left.Add(-1) == 0 && f.texts != nil {
		f.texts.Close()
	}
}

// lastTurn splits an item's conversation before its last turn; ok tells whether it has any. Of steps that are not one
// text the last turn is empty: it is never rendered. Of a pair model it is the first of the two, and has no role.
func (e *Encoder) lastTurn(item Item) (before []chat.Message, last chat.Message, ok bool) {
	form, err := e.form(item)
	choice := e.manifest.Kind == manifest.KindChoice
	switch {
	case err != nil || choice && item.Candidate == nil:
		return nil, chat.Message{}, false
	case choice && form == formText: // the candidates of an item differ behind its text or its conversation
		return []chat.Message{{Content: *item.Text}}, chat.Message{Role: formText, Content: *item.Candidate}, true
	case form != formMessages && form != formPrompt:
		return nil, chat.Message{}, false
	case choice:
		return turns(item), chat.Message{Content: *item.Candidate}, true
	case e.manifest.Kind == manifest.KindPair:
		return turns(item), chat.Message{Content: *item.First}, true
	case e.manifest.Kind == manifest.KindProcess:
		return e.lastSteps(item)
	case item.Response != nil: // the messages are those of all responses, and are not copied for each
		last = chat.Message{Role: roleAssistant, Content: *item.Response}
		item.Response = nil
		return turns(item), last, true
	}
	end := len(item.Messages) - 1
	return item.Messages[:end], item.Messages[end], true
}

// lastSteps is lastTurn of a process model.
func (e *Encoder) lastSteps(item Item) (before []chat.Message, last chat.Message, ok bool) {
	before, steps, _, err := splitSteps(item)
	if err != nil {
		return nil, chat.Message{}, false
	}
	last.Role = roleAssistant
	if e.manifest.Steps.Joint() {
		last.Content = e.joined(steps)
	}
	return before, last, true
}

// hash is the same for the same turns and role, and the same texts beside them.
func hash(seed maphash.Seed, texts beside, before []chat.Message, role string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, texts)
	for _, message := range before {
		maphash.WriteComparable(&h, message)
	}
	maphash.WriteComparable(&h, role)
	return h.Sum64()
}

// render gives the text of the member's conversation, or of what stands before its last turn; ok is false for any
// other, and where it is to be rendered by itself.
func (m member) render(messages []chat.Message, generate bool) (text string, ok bool, err error) {
	f := m.family
	if f == nil || len(messages) < len(f.before) || !slices.Equal(messages[:len(f.before)], f.before) {
		return "", false, nil
	}
	switch rest := messages[len(f.before):]; {
	case len(rest) == 0 && generate:
		text, err = f.prompts[1]()
		return text, true, err
	case len(rest) == 0:
		text, err = f.prompts[0]()
		return text, true, err
	case len(rest) > 1 || generate || rest[0] != (chat.Message{Role: f.role, Content: f.contents[m.at]}):
		return "", false, nil
	}
	return m.own()
}

// prompt gives what is encoded once for all candidates behind one prompt: by the first of them that asks.
func (m member) prompt(encode func() (prompt, error)) (prompt, error) {
	f := m.family
	if f == nil {
		return encode()
	}
	f.encoding.Do(func() {
		f.refusal = errUnencoded // where it ends in a panic
		f.encoded, f.refusal = encode()
	})
	return f.encoded, f.refusal
}

var errUnencoded = errors.New("the prompt could not be encoded")

// renderPair gives the text of the member's pair of responses; ok is false where it is to be rendered by itself.
func (m member) renderPair(messages []chat.Message, first, second string) (text string, ok bool, err error) {
	f := m.family
	if f == nil || !slices.Equal(messages, f.before) || first != f.contents[m.at] || second != f.seconds[m.at] {
		return "", false, nil
	}
	return m.own()
}

// own is the member's text of those of its family.
func (m member) own() (text string, ok bool, err error) {
	texts := m.family.whole()
	if texts == nil {
		return "", false, nil
	}
	text, err = texts.At(m.at)
	return text, true, err
}
