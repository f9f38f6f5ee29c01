package chat

// #include <templates.h>
import "C"

import (
	"encoding/json"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// Texts are the renderings of one conversation with many last turns, or pairs beside it: what they share is held
// once. They must be closed.
type Texts struct {
	made *C.AssayTexts
}

// marks are what stands for the texts (models/native/src/each.rs): for a response, or the first and the second of two.
var marks = sync.OnceValue(func() (marks [2]string) {
	for i := range marks {
		marks[i], _ = taken(C.assay_template_mark(C.size_t(i)))
	}
	return marks
})

// RenderEach renders a conversation that ends with a turn of the role, once for all of the contents that this turn may
// have. It gives nil where the template does not render them alike, where it refuses one of them, or where one is
// empty: then each is rendered by itself.
func (t *Template) RenderEach(before []Message, role string, contents []string) *Texts {
	messages := append(slices.Clip(before), Message{Role: role, Content: marks()[0]})
	return t.executeEach(messages, map[string]any{}, contents)
}

// RenderEachPair renders a conversation once for all pairs of responses beside it, as RenderEach does.
func (t *Template) RenderEachPair(messages []Message, firsts, seconds []string) *Texts {
	return t.executeEach(messages, map[string]any{"first": marks()[0], "second": marks()[1]}, firsts, seconds)
}

func (t *Template) executeEach(messages []Message, given map[string]any, texts ...[]string) *Texts {
	given["add_generation_prompt"] = false
	variables, err := t.given(seen(messages), given)
	if err != nil {
		return nil
	}
	list, err := json.Marshal(texts)
	if err != nil {
		return nil
	}
	return t.renderEach(variables, list)
}

// renderEach gives the texts for an object of JSON with the template's variables and a list of JSON with what the marks
// in them stand for.
func (t *Template) renderEach(variables, list []byte) *Texts {
	defer runtime.KeepAlive(t)
	made := C.assay_template_render_each(t.compiled, first(variables), C.size_t(len(variables)), first(list),
		C.size_t(len(list)), (*C.int32_t)(unsafe.Pointer(t.date)))
	if made == nil {
		return nil
	}
	return &Texts{made}
}

// Close gives the texts' memory back, after which none is asked for.
func (t *Texts) Close() { C.assay_texts_free(t.made) }

// At gives the text with the i-th of the contents, or of the pairs.
func (t *Texts) At(i int) (string, error) {
	return taken(C.assay_texts_at(t.made, C.size_t(i)))
}

func first(data []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(data))) }
