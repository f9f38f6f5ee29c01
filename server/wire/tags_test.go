package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTagsAreReadUntouched: an id and metadata are the bytes that were sent, but for the white space between tokens.
func TestTagsAreReadUntouched(t *testing.T) {
	for _, id := range []string{`"a"`, `""`, `"\u00e9\/"`, `"é<&>"`, `7`, `-0`, `123456789012345678901234567890`, `null`} {
		for _, metadata := range []string{
			`null`, `"\ud800"`, `1.0`, `1e400`, `{"a":1,"a":[true,{}]}`, `"  "`, `[0.10,"\u003c"]`,
		} {
			request, err := decoded[ScoreRequest](`{"items":[{"text":"t"},{"id" : `+id+`,"text":"t", "metadata" : `+metadata+` }]}`, Limits{})
			if err != nil {
				t.Fatalf("%s, %s: %v", id, metadata, err)
			}
			want := &Kept{Each: []*Tag{nil, {ID(id), json.RawMessage(metadata)}}}
			if diff := cmp.Diff(want, request.Kept()); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", id, metadata, diff)
			}
		}
	}
	request, err := decoded[ScoreRequest](`{"items":[{"metadata":{ "a" : [ 1 , "b c" ] }}]}`, Limits{})
	if err != nil || string(request.Items[0].Metadata) != `{"a":[1,"b c"]}` {
		t.Errorf("%+v, %v", request, err)
	}
	half, err := decoded[ScoreRequest](`{"items":[{"id":"\ud800","metadata":1}]}`, Limits{})
	if err != nil || half.Items[0].Err == nil || half.Items[0].Err.Code != CodeBadItem || half.Items[0].Err.Path != "items[0].id" || string(half.Items[0].Metadata) != "1" {
		t.Errorf("%+v, %v", half, err)
	}
	plain, err := decoded[ScoreRequest](`{"items":[{"text":"t"}]}`, Limits{})
	if err != nil || plain.Kept() != nil {
		t.Errorf("%+v, %v", plain.Kept(), err)
	}
}

// TestTagsOfGroups: of a group, of each response and text, and of each pair.
func TestTagsOfGroups(t *testing.T) {
	one, two := &Tag{ID: ID("1")}, &Tag{Metadata: json.RawMessage("[2]")}
	rank, err := decoded[RankRequest](`{"id":1,"prompt":"p","responses":["a","b"],"tags":[{},{"metadata":[2]}]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	compare, err := decoded[CompareRequest](`{"metadata":[2],"pairs":[{"id":1,"chosen":"a","rejected":"\ud800"},{"chosen":"a","rejected":"b"}]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	embed, err := decoded[EmbeddingsRequest](`{"input":["a","\ud800"],"tags":[{"id":1},{"metadata":[2]}]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ got, want *Kept }{
		{rank.Kept(), &Kept{Group: one, Each: []*Tag{{}, two}}},
		{compare.Kept(), &Kept{Group: two, Each: []*Tag{one, nil}}},
		{embed.Kept(), &Kept{Each: []*Tag{one, two}}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestBoundsOfTags: what is too long fails its item, whose tag is kept as far as it is within the bounds; more metadata
// than a request may have refuses it. The error names the field, the limit and the value.
func TestBoundsOfTags(t *testing.T) {
	limits := Limits{ID: 6, Metadata: 10, Kept: 25, Depth: 3}
	for item, want := range map[string]string{
		`{"text":"t","id":"abcd","metadata":"12345678"}`:       "",
		`{"text":"t","id":"abcde","metadata":1}`:               "items[1].id: has 7 bytes, and an id may have 6",
		`{"text":"t","id":1234567,"metadata":1}`:               "items[1].id: has 7 bytes, and an id may have 6",
		`{"text":"t","id":"\ud800","metadata":1}`:              "items[1].id: has 8 bytes, and an id may have 6",
		`{"text":"t","metadata":"123456789"}`:                  "items[1].metadata: has 11 bytes, and the metadata of an item may have 10",
		`{"text":"t","metadata":[1,2, 3, 4]}`:                  "items[1].metadata: has 11 bytes, and the metadata of an item may have 10",
		"{\"text\":\"t\",\"id\":\"\xff\",\"metadata\":1}":      "items[1].id: is not Unicode: bytes that are not UTF-8, in the string at byte 41",
		"{\"text\":\"t\",\"id\":\"a\",\"metadata\": \"\xff\"}": "items[1].metadata: is not Unicode: bytes that are not UTF-8, in the value at byte 57",
	} {
		request, err := decoded[ScoreRequest](`{"items":[{"text":"a"},`+item+`,{"text":"b","id":1}]}`, limits)
		if err != nil {
			t.Errorf("%s: %v", item, err)
			continue
		}
		got := ""
		if why := request.Items[1].Err; why != nil {
			got = why.Error()
		}
		if got != want || request.Items[0].Err != nil || request.Items[2].Err != nil || string(request.Kept().Each[2].ID) != "1" {
			t.Errorf("%s: %q, want %q", item, got, want)
		}
	}
	for text, want := range map[string]*Error{
		`{"items":[{"metadata":"12345678"},{"metadata":"12345678"},{"metadata":12345}]}`: nil,
		`{"items":[{"metadata":"12345678"},{"metadata":"12345678"},{"metadata":123456}]}`: {
			CodeOverBudget, "items[2].metadata", "brings the metadata of the request to 26 bytes, and it may have 25",
		},
		`{"items":[{"metadata":[[[]]]}]}`: nil,
		`{"items":[{"metadata":[[[[]]]]}]}`: {
			CodeInvalidField, "items[0].metadata", "lists and objects within each other: more than 3, the limit of depth",
		},
	} {
		if _, err := decoded[ScoreRequest](text, limits); !cmp.Equal(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if _, err := decoded[RankRequest](`{"prompt":"p","responses":["a"],"tags":[{"id":12345678}]}`, limits); err == nil ||
		err.Code != CodeTooLong || err.Error() != "tags[0].id: has 8 bytes, and an id may have 6" {
		t.Errorf("a tag of a response: %v", err)
	}
}

// TestTheDefaultBoundsOfTags are those of docs/API.md.
func TestTheDefaultBoundsOfTags(t *testing.T) {
	text := func(id, metadata, items int) string {
		item := fmt.Sprintf(`{"text":"t","id":"%s","metadata":"%s"}`, strings.Repeat("i", id-2), strings.Repeat("m", metadata-2))
		return `{"items":[` + strings.TrimSuffix(strings.Repeat(item+",", items), ",") + `]}`
	}
	most := DefaultKept / DefaultMetadata
	if request, err := decoded[ScoreRequest](text(DefaultID, DefaultMetadata, most), Limits{}); err != nil || spoilt(request) {
		t.Errorf("%v", err)
	}
	if _, err := decoded[ScoreRequest](text(DefaultID, DefaultMetadata, most+1), Limits{}); err == nil || err.Code != CodeOverBudget {
		t.Errorf("%v", err)
	}
	for _, over := range []string{text(DefaultID+1, DefaultMetadata, 1), text(DefaultID, DefaultMetadata+1, 1)} {
		if request, err := decoded[ScoreRequest](over, Limits{}); err != nil || request.Items[0].Err == nil || request.Items[0].Err.Code != CodeTooLong {
			t.Errorf("%v", err)
		}
	}
}
