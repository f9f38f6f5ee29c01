package wire

// ORSGroup is what a trainer sends to score a group by the Open Reward Standard: the rollouts of one task.
type ORSGroup struct {
	_          struct{}       `additionalProperties:"true"`
	Candidates []ORSCandidate `json:"candidates" nullable:"false" minItems:"1" doc:"Each with the turns of the task before its own"`
}

// ORSCandidate is a rollout.
type ORSCandidate struct {
	_        struct{}  `additionalProperties:"true"`
	Messages []ORSTurn `json:"messages" nullable:"false"`
}

// ORSTurn is a turn of a rollout.
type ORSTurn struct {
	_      struct{}   `additionalProperties:"true"`
	Role   string     `json:"role"`
	Blocks []ORSBlock `json:"blocks" nullable:"false"`
}

// ORSBlock is a piece of a turn.
type ORSBlock struct {
	_    struct{} `additionalProperties:"true"`
	Type string   `json:"type,omitempty" doc:"text, or reasoning, which is passed over"`
	Text string   `json:"text,omitempty"`
}

// ORSScores is the answer of a group, in the events of a stream.
type ORSScores struct {
	Scores []ORSScore `json:"scores" nullable:"false"`
}

// ORSScore is the score of a candidate.
type ORSScore struct {
	Reward   float64     `json:"reward"`
	Metadata ORSMetadata `json:"metadata"`
}

// ORSMetadata says more of a score.
type ORSMetadata struct {
	Model      string             `json:"model" doc:"That answered"`
	Digest     string             `json:"digest" doc:"sha256 of what answered"`
	Raw        *float64           `json:"raw,omitempty" doc:"Before the transforms; none of a model that compares"`
	Components map[string]float64 `json:"components,omitempty"`
}

// ORSTools is the list of an environment's tools, which has none: it scores groups.
type ORSTools struct {
	Tools      []string `json:"tools" nullable:"false"`
	Terminal   *string  `json:"terminal_tool"`
	ScoreGroup bool     `json:"supports_score_group"`
	Blocks     []string `json:"message_block_types" nullable:"false"`
}

// ORSSession names a session, which nothing is kept of.
type ORSSession struct {
	ID     string `json:"sid,omitempty"`
	Status string `json:"status,omitempty"`
}

func (r *ORSGroup) decode(d *decoder) error { return object(d, &orsForm, r) }

var orsForm = form[ORSGroup]{
	lenient: true,
	fields: []field[ORSGroup]{
		{"candidates", true, func(d *decoder, r *ORSGroup) error {
			return list(d, &r.Candidates, ofRequest(d.limits.Items), func(d *decoder, c *ORSCandidate) error { return object(d, &orsCandidateForm, c) })
		}},
	},
	check: func(d *decoder, r *ORSGroup) error { return d.some(len(r.Candidates), "candidates", "candidate") },
}

var orsCandidateForm = form[ORSCandidate]{lenient: true, fields: []field[ORSCandidate]{
	{"messages", true, func(d *decoder, c *ORSCandidate) error {
		return list(d, &c.Messages, ofItem(d.limits.Messages), func(d *decoder, t *ORSTurn) error { return object(d, &orsTurnForm, t) })
	}},
}}

var orsTurnForm = form[ORSTurn]{lenient: true, fields: []field[ORSTurn]{
	{"role", true, func(d *decoder, t *ORSTurn) error { return d.text(&t.Role) }},
	{"blocks", true, func(d *decoder, t *ORSTurn) error {
		return list(d, &t.Blocks, ofItem(d.limits.Messages), func(d *decoder, b *ORSBlock) error { return object(d, &orsBlockForm, b) })
	}},
}}

var orsBlockForm = form[ORSBlock]{lenient: true, fields: []field[ORSBlock]{
	{"type", false, func(d *decoder, b *ORSBlock) error { return d.text(&b.Type) }},
	{"text", false, func(d *decoder, b *ORSBlock) error { return d.text(&b.Text) }},
}}
