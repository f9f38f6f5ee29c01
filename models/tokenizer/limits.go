package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// What a tokenizer.json may hold, as docs/BUNDLE.md says: the library would take quadratic time, or the memory for a
// text many times as long as what it is given.
const (
	maxNesting    = 32      // objects and lists inside one another
	maxAdded      = 1 << 16 // added tokens
	maxAddedBytes = 4096    // of one of them
	maxRegex      = 16 << 10
	maxGrowth     = 64 // bytes that normalizers may make of one byte, and that one may put in front of a text
)

// checkNesting refuses JSON that is too deep, before anything follows it down.
func checkNesting(data []byte) error {
	depth, quoted := 0, false
	for at := 0; at < len(data); at++ {
		switch c := data[at]; {
		case quoted && c == '\\':
			at++ // past what is escaped
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return fmt.Errorf("more than %d objects and lists inside one another", maxNesting)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// checkAdded refuses too many added tokens, and such as are too long.
func checkAdded(added []addedToken) error {
	if len(added) > maxAdded {
		return fmt.Errorf("%d added tokens, and at most %d are read", len(added), maxAdded)
	}
	for i, token := range added {
		if len(token.Content) > maxAddedBytes {
			return fmt.Errorf("added_tokens[%d] has %d bytes, and may have %d", i, len(token.Content), maxAddedBytes)
		}
	}
	return nil
}

// stage is a normalizer or a pre-tokenizer.
type stage struct {
	Type          string  `json:"type"`
	Normalizers   []stage `json:"normalizers"`
	Pretokenizers []stage `json:"pretokenizers"`
	Content       string  `json:"content"`
	Prepend       string  `json:"prepend"`
	Charsmap      string  `json:"precompiled_charsmap"`
	Pattern       struct {
		Regex string
	} `json:"pattern"`
}

// checkGrowth refuses normalizers that make much of little.
func checkGrowth(data json.RawMessage) error {
	var normalizer stage
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, &normalizer); err != nil {
		return fmt.Errorf("field normalizer: %w", err)
	}
	growth, err := normalizer.growth()
	if err == nil && growth > maxGrowth {
		err = fmt.Errorf("they make %d bytes of one, and may make %d", growth, maxGrowth)
	}
	if err != nil {
		return fmt.Errorf("field normalizer: %w", err)
	}
	return nil
}

// growth is how many bytes a normalizer makes of one at most, beside what Unicode's own forms make of it.
func (s *stage) growth() (int, error) {
	growth := 1
	switch s.Type {
	case "Sequence":
		for i := range s.Normalizers {
			more, err := s.Normalizers[i].growth()
			if err != nil {
				return 0, err
			}
			growth = min(growth*more, maxGrowth+1)
		}
	case "Replace":
		growth = max(1, len(s.Content))
	case "Prepend":
		if len(s.Prepend) > maxGrowth {
			return 0, fmt.Errorf("it puts %d bytes in front of a text, and may put %d", len(s.Prepend), maxGrowth)
		}
	case "Precompiled":
		return precompiled(s.Charsmap)
	}
	return growth, s.checkRegex()
}

// precompiled is the growth by a map of SentencePiece: the length of a trie, the trie, and the texts that are put for
// others, each of which a NUL ends.
func precompiled(text string) (growth int, err error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
		return 0, errors.New("precompiled_charsmap is none")
	}
	texts, growth := data[4+binary.LittleEndian.Uint32(data):], 1
	for len(texts) > 0 {
		length := slices.Index(texts, 0)
		if length < 0 {
			length = len(texts) - 1
		}
		growth = max(growth, length)
		texts = texts[length+1:]
	}
	return growth, nil
}

// checkRegexes refuses pre-tokenizers with a regular expression that is too long.
func checkRegexes(data json.RawMessage) error {
	var pretokenizer stage
	if len(data) == 0 {
		return nil
	}
	err := json.Unmarshal(data, &pretokenizer)
	if err == nil {
		err = pretokenizer.checkRegex()
	}
	if err != nil {
		return fmt.Errorf("field pre_tokenizer: %w", err)
	}
	return nil
}

func (s *stage) checkRegex() error {
	if len(s.Pattern.Regex) > maxRegex {
		return fmt.Errorf("a regular expression of %d bytes, and at most %d are read", len(s.Pattern.Regex), maxRegex)
	}
	for i := range s.Pretokenizers {
		if err := s.Pretokenizers[i].checkRegex(); err != nil {
			return err
		}
	}
	return nil
}
