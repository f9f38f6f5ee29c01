package encode

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/manifest"
)

// A family is the items of a request whose conversations differ in their last turn alone, as responses to one prompt do,
// or, of a pair model, in the two responses beside them. The template renders what they share once, where it does the
// same with all of them:
//
//	{prompt: P, response: "4"}  ─┐             ┌─ <user>P<bot>4
//	{prompt: P, response: "5"}  ─┼─ rendered ──┼─ <user>P<bot>5
//	{prompt: P, response: "6"}  ─┘    once     └─ <user>P<bot>6
type family struct {
	before   []chat.Message
	role     string
	contents []string // of each member's last turn, or its first response
	seconds  []string // of a pair model, its second

	whole   sync.Once
	texts   *chat.Texts // nil: each is rendered by itself
	prompts [2]prompt   // what stands before the last turn, without and with a generation prompt
}

// prompt is a rendering of the conversation before the last turn.
type prompt struct {
	once sync.Once
	text string
	err  error
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
	if e.template == nil || e.manifest.Steps.Turns {
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
		key := hash(seed, before, last.Role)
		f := open[key]
		switch {
		case f == nil, len(f.contents) == familyMembers, bytes[f]+size > familyBytes:
			f = &family{before: before, role: last.Role}
			open[key] = f
		case f.role != last.Role || !slices.Equal(f.before, before):
			continue // another conversation of the same hash
		}
		members[i] = member{f, len(f.contents)}
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

// lastTurn splits an item's conversation before its last turn; ok tells whether it has any. Of steps that are not one
// text the last turn is empty: it is never rendered. Of a pair model it is the first of the two, and has no role.
func (e *Encoder) lastTurn(item Item) (before []chat.Message, last chat.Message, ok bool) {
	if form, err := e.form(item); err != nil || form != formMessages && form != formPrompt {
		return nil, chat.Message{}, false
	}
	if e.manifest.Kind == manifest.KindPair {
		return turns(item), chat.Message{Content: *item.First}, true
	}
	if e.manifest.Kind != manifest.KindProcess {
		messages := turns(item)
		end := len(messages) - 1
		return messages[:end], messages[end], true
	}
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

// hash is the same for the same turns and role.
func hash(seed maphash.Seed, before []chat.Message, role string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, message := range before {
		maphash.WriteComparable(&h, message)
	}
	maphash.WriteComparable(&h, role)
	return h.Sum64()
}

// render gives the text of the member's conversation, or of what stands before its last turn; ok is false for any
// other, and where it is to be rendered by itself.
func (m member) render(template *chat.Template, messages []chat.Message, generate bool) (text string, err error, ok bool) {
	f := m.family
	if f == nil || len(messages) < len(f.before) || !slices.Equal(messages[:len(f.before)], f.before) {
		return "", nil, false
	}
	switch rest := messages[len(f.before):]; {
	case len(rest) == 0:
		p := &f.prompts[0]
		if generate {
			p = &f.prompts[1]
		}
		p.once.Do(func() { p.text, p.err = template.Render(f.before, generate) })
		return p.text, p.err, true
	case len(rest) > 1 || generate || rest[0] != (chat.Message{Role: f.role, Content: f.contents[m.at]}):
		return "", nil, false
	}
	f.whole.Do(func() { f.texts = template.RenderEach(f.before, f.role, f.contents) })
	text, ok = m.text()
	return text, nil, ok
}

// renderPair gives the text of the member's pair of responses; ok is false where it is to be rendered by itself.
func (m member) renderPair(template *chat.Template, messages []chat.Message, first, second string) (text string, ok bool) {
	f := m.family
	if f == nil || !slices.Equal(messages, f.before) || first != f.contents[m.at] || second != f.seconds[m.at] {
		return "", false
	}
	f.whole.Do(func() { f.texts = template.RenderEachPair(f.before, f.contents, f.seconds) })
	return m.text()
}

// text is the member's own, once those of its family are rendered.
func (m member) text() (text string, ok bool) {
	if m.family.texts == nil {
		return "", false
	}
	text, err := m.family.texts.At(m.at)
	return text, err == nil
}
