package chat

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkRender renders a prompt of 8 KiB with a response of 400 bytes, as each response to one prompt is rendered.
func BenchmarkRender(b *testing.B) {
	tpl, err := New(`{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>\n' }}{% endfor %}`, nil, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	messages := []Message{{Role: "user", Content: strings.Repeat("What is it? ", 700)}, {Role: "assistant", Content: strings.Repeat("It is. ", 60)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Render(messages, false); err != nil {
			b.Fatal(err)
		}
	}
}
