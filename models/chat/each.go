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

// Texts are the renderings of one conversation with many last turns: what they share is held once.
type Texts struct {
	made *C.AssayTexts
}

// mark is the text that stands for each of the responses (models/native/src/each.rs).
var mark = sync.OnceValue(func() string {
	text, _ := taken(C.assay_template_mark())
	return text
})

// RenderEach renders a conversation that ends with a turn of the role, once for all of the contents that this turn may
// have. It gives nil where the template does not render them alike, where it refuses one of them, or where one is
// empty: then each is rendered by itself.
func (t *Template) RenderEach(before []Message, role string, contents []string, generate bool) *Texts {
	messages := append(slices.Clip(before), Message{Role: role, Content: mark()})
	variables, err := t.given(messages, map[string]any{"add_generation_prompt": generate})
	if err != nil {
		return nil
	}
	responses, err := json.Marshal(contents)
	if err != nil {
		return nil
	}
	return t.renderEach(variables, responses)
}

// renderEach gives the texts for an object of JSON with the template's variables and a list of JSON with what the mark
// in them stands for.
func (t *Template) renderEach(variables, responses []byte) *Texts {
	defer runtime.KeepAlive(t)
	made := C.assay_template_render_each(t.compiled, first(variables), C.size_t(len(variables)), first(responses),
		C.size_t(len(responses)), (*C.int32_t)(unsafe.Pointer(t.date)))
	if made == nil {
		return nil
	}
	texts := &Texts{made}
	runtime.AddCleanup(texts, func(made *C.AssayTexts) { C.assay_texts_free(made) }, made)
	return texts
}

// At gives the text with the i-th of the contents.
func (t *Texts) At(i int) (string, error) {
	defer runtime.KeepAlive(t)
	return taken(C.assay_texts_at(t.made, C.size_t(i)))
}

func first(data []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(data))) }
