package batching

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSharesOfTheAPIPage holds the page's table of limits to the shares of a queue of default size.
func TestSharesOfTheAPIPage(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	b := New(nil, Options{})
	all, bulk := b.queue.interactive, b.queue.bulk
	named, namedBulk := all.room.share(callerShare), bulk.room.share(callerShare)
	interactive := all.room.share(interactiveShare)
	for _, row := range []string{
		fmt.Sprintf("| of these, one request | %d items, %d tokens |", all.share.items, all.share.tokens),
		fmt.Sprintf("| of these, all requests of one named token | %d items, %d tokens |", named.items, named.tokens),
		fmt.Sprintf("| of these, all interactive requests together, once a bulk one has come | %d items, %d tokens |",
			interactive.items, interactive.tokens),
		fmt.Sprintf("| of these, all bulk requests together | %d items, %d tokens; of them one request %d and %d, ",
			bulk.room.items, bulk.room.tokens, bulk.share.items, bulk.share.tokens),
		fmt.Sprintf(", one named token %d and %d |", namedBulk.items, namedBulk.tokens),
		fmt.Sprintf("| `Retry-After` of a full queue | %.0f s to %.0f s |", minRetry.Seconds(), maxRetry.Seconds()),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/API.md lacks %q", row)
		}
	}
}

// TestSharesLeavePlace: beside a submission of any size three more find place, beside a caller another, beside bulk an
// interactive one, beside these a bulk one, and no share of a queue is nothing; also where the queue has no bounds.
func TestSharesLeavePlace(t *testing.T) {
	for _, options := range []Options{
		{}, {MaxItems: 1, MaxTokens: 1}, {MaxItems: 3, MaxTokens: 1 << 62}, {MaxItems: 1<<31 - 1, MaxTokens: 1<<63 - 1},
	} {
		b := New(nil, options)
		for name, part := range map[string]amount{
			"a call": b.queue.interactive.share, "a bulk call": b.queue.bulk.share,
			"bulk": b.queue.bulk.room, "a caller": b.queue.interactive.room.share(callerShare),
			"interactive ones": b.queue.interactive.room.share(interactiveShare),
		} {
			if part.items < 1 || part.tokens < 1 || !part.within(b.queue.room) {
				t.Errorf("%s of %+v takes %+v", name, b.queue.room, part)
			}
			if b.queue.room.items > 3 && (part.items >= b.queue.room.items || part.tokens >= b.queue.room.tokens) {
				t.Errorf("%s of %+v takes all", name, b.queue.room)
			}
		}
	}
}
