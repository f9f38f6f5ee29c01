package manifest

import (
	"slices"
	"strconv"
)

// embedding says what the vectors of an embedding model are, and how near two texts are by theirs.
type embedding struct {
	Size       int    `yaml:"size"`       // numbers of a vector
	Similarity string `yaml:"similarity"` // cosine or dot
	Before     before `yaml:"before,omitempty"`
}

// before is what the model was trained to see in front of a text, by what the text is.
type before struct {
	Prompt   string `yaml:"prompt,omitempty"`   // of the two texts of a relevance, the one that asks
	Response string `yaml:"response,omitempty"` // and the one that answers
}

// Cosine tells whether nearness is the cosine of the vectors' angle, and not their dot product.
func (e *embedding) Cosine() bool { return e.Similarity == similarityCosine }

// maxEmbedding bounds a vector, so that a golden pair can have one.
const maxEmbedding = 1 << 14

const (
	similarityCosine = "cosine"
	similarityDot    = "dot"
)

// checkEmbedding checks a model whose rows are vectors: it reads one text at a time, and its numbers have no names.
func (s *spec) checkEmbedding(check checker) {
	e := s.Embedding
	if e == nil {
		check(false, "embedding is missing, and an embedding model needs it")
		return
	}
	check(e.Size > 0 && e.Size <= maxEmbedding, "embedding.size is %d, and must be between 1 and %d", e.Size, maxEmbedding)
	check(slices.Contains([]string{similarityCosine, similarityDot}, e.Similarity),
		"embedding.similarity is %q, and must be cosine or dot", e.Similarity)
	for field, text := range map[string]string{"prompt": e.Before.Prompt, "response": e.Before.Response} {
		check(len(text) <= mostFixed, "embedding.before.%s has %d bytes, and must have %d at most", field, len(text), mostFixed)
	}
	check(len(s.Graph.Labels) == 0, "graph.labels is for numbers with names, and those of an embedding have none")
	t := s.Template
	check(t.File == "" && len(t.Segments) == 0 && len(t.Variables) == 0 && t.Date == "" && len(t.Fields) == 0,
		"template is for conversations, and an embedding model reads one text")
}

// numbered are the names by which errors tell a vector's numbers.
func numbered(size int) []string {
	names := make([]string, size)
	for i := range names {
		names[i] = "v" + strconv.Itoa(i)
	}
	return names
}
