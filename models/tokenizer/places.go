package tokenizer

import (
	"fmt"
	"runtime"

	"github.com/daulet/tokenizers"
)

// EncodePlaces is [Tokenizer.Encode] that also tells where each token stands in the text: from which byte to which.
func (t *Tokenizer) EncodePlaces(text string) (ids []int64, places [][2]int, err error) {
	if err := check(text); err != nil {
		return nil, nil, err
	}
	if len(text) > MostAtOnce {
		return nil, nil, &StretchError{len(text)}
	}
	defer runtime.KeepAlive(t)
	encoding := t.inner.EncodeWithOptions(text, false, tokenizers.WithReturnOffsets())
	if len(encoding.Offsets) != len(encoding.IDs) {
		return nil, nil, fmt.Errorf("the tokenizer gave %d places of %d tokens", len(encoding.Offsets), len(encoding.IDs))
	}
	places = make([][2]int, len(encoding.Offsets))
	for i, offset := range encoding.Offsets {
		places[i] = [2]int{int(offset[0]), int(offset[1])}
	}
	return widen(encoding.IDs), places, nil
}
