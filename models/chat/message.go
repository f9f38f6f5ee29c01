package chat

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role" doc:"system, user or assistant" minLength:"1"`
	Content string `json:"content" doc:"The turn's text"`
}
