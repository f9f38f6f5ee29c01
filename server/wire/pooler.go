package wire

// Pooler are the fields that vLLM's pooling routes share. Fields that change no number are passed over: user, priority,
// cache_salt, padding, mm_processor_kwargs and add_special_tokens, since the bundle says what the model reads around a
// text.
type Pooler struct {
	Model string `json:"model,omitempty" nullable:"true" doc:"Name of the model; where it is none of ours and one model alone answers, that one does"`

	TruncatePromptTokens *int64 `json:"truncate_prompt_tokens,omitempty" nullable:"true" doc:"Left out, an item that is too long is refused; -1 or the model's max_tokens cuts it there"`
	TruncationSide       string `json:"truncation_side,omitempty" nullable:"true" doc:"left or right: what is cut away; right when left out"`

	UseActivation *bool  `json:"use_activation,omitempty" nullable:"true" doc:"false: the raw output; true: sigmoid, or softmax of several labels; left out: what /v1/score calls score"`
	Activation    *bool  `json:"activation,omitempty" nullable:"true" doc:"An older name of use_activation"`
	Softmax       *bool  `json:"softmax,omitempty" nullable:"true" doc:"The oldest name of use_activation"`
	RequestID     string `json:"request_id,omitempty" nullable:"true" doc:"Of the answer, where no X-Request-Id says another"`

	Normalize Never `json:"normalize,omitzero" doc:"Refused unless false: use_activation says it"`
}

var poolerFields = []field[Pooler]{
	{"model", false, func(d *decoder, p *Pooler) error { return d.textOrNull(&p.Model) }},
	{"truncate_prompt_tokens", false, func(d *decoder, p *Pooler) error { return d.cut(&p.TruncatePromptTokens) }},
	{"truncation_side", false, func(d *decoder, p *Pooler) error { return d.wordOrNull(&p.TruncationSide, "left", "right") }},
	{"use_activation", false, func(d *decoder, p *Pooler) error { return d.flag(&p.UseActivation) }},
	{"activation", false, func(d *decoder, p *Pooler) error { return d.flag(&p.Activation) }},
	{"softmax", false, func(d *decoder, p *Pooler) error { return d.flag(&p.Softmax) }},
	{"request_id", false, func(d *decoder, p *Pooler) error { return d.textOrNull(&p.RequestID) }},
	{"normalize", false, func(d *decoder, _ *Pooler) error {
		return d.never("is no field any more: use_activation says whether the output has its activation")
	}},
}

// cut reads how many tokens of a prompt are kept; -1 stands for the model's own limit.
func (d *decoder) cut(into **int64) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	*into = new(int64)
	if err := d.integer(*into); err != nil {
		return err
	}
	if **into < -1 {
		return d.invalid("%d is below -1", **into)
	}
	return nil
}

// Activated is whether the output is to have its activation, by whichever of its three names; nil: neither is asked
// for.
func (p *Pooler) Activated() *bool {
	for _, of := range []*bool{p.UseActivation, p.Activation, p.Softmax} {
		if of != nil {
			return of
		}
	}
	return nil
}

// agree refuses names of one thing that say different things.
func (p *Pooler) agree(d *decoder) error {
	for _, of := range []*bool{p.UseActivation, p.Activation, p.Softmax} {
		if of != nil && *of != *p.Activated() {
			return d.invalid("use_activation, activation and softmax are names of one thing, and they differ")
		}
	}
	return nil
}

// Conversing are the fields of a body that has a conversation instead of an input.
type Conversing struct {
	Messages  []Message `json:"messages,omitzero" nullable:"false" doc:"A conversation, rendered through the model's chat template; instead of input"`
	Reference *string   `json:"reference,omitempty" doc:"Beside messages: an answer that is known to be good (models whose template names it)"`
	Principle *string   `json:"principle,omitempty" doc:"Beside messages: what the response is judged by (models whose template names it)"`

	AddGenerationPrompt  Never `json:"add_generation_prompt,omitzero" doc:"Refused unless false: the last turn is the one that is judged"`
	ContinueFinalMessage Never `json:"continue_final_message,omitzero" doc:"Refused unless false: the model was trained on turns that end"`
	ChatTemplate         Never `json:"chat_template,omitzero" doc:"Refused unless null: the bundle's is the one that the model was trained with"`
	ChatTemplateKwargs   Never `json:"chat_template_kwargs,omitzero" doc:"Refused unless empty"`
}

var conversingFields = []field[Conversing]{
	{"messages", false, func(d *decoder, c *Conversing) error { return d.messages(&c.Messages) }},
	{"reference", false, func(d *decoder, c *Conversing) error { return d.optional(&c.Reference) }},
	{"principle", false, func(d *decoder, c *Conversing) error { return d.optional(&c.Principle) }},
	{"add_generation_prompt", false, func(d *decoder, _ *Conversing) error {
		return d.never("would put the head of another turn behind the one that is judged")
	}},
	{"continue_final_message", false, func(d *decoder, _ *Conversing) error {
		return d.never("would leave out the end of the turn that is judged, which the model was trained to read")
	}},
	{"chat_template", false, func(d *decoder, _ *Conversing) error {
		return d.never("is the bundle's own; render the text yourself and send it as input")
	}},
	{"chat_template_kwargs", false, func(d *decoder, _ *Conversing) error {
		return d.never("the bundle's template has its variables; render the text yourself and send it as input")
	}},
}
