package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
)

// decode reads a JSON body into a request. A body is decoded once, strictly. Only where that fails, or could have passed over
// something (a null, which leaves a zero behind; a message without its content), the body is also held to the request's
// schema, which costs as much again and names the field.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, request any) error {
	return s.readBody(w, r, func(body []byte) error {
		err := decodeStrict(body, request)
		switch {
		case err == nil && !bytes.Contains(body, []byte("null")) && !blankTurn(request):
			return nil
		case err != nil && err.Code == rewards.CodeBadJSON:
			return err
		}
		if problem := s.schemas.check(body, request); problem != nil {
			return problem
		}
		if err != nil {
			return err
		}
		return nil
	})
}

func decodeStrict(body []byte, request any) *rewards.Problem {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(request); err != nil {
		return jsonProblem(err)
	}
	if rest := bytes.TrimLeft(body[decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return rewards.NewProblem(rewards.CodeBadJSON, "the body goes on after its JSON value, at byte %d", len(body)-len(rest))
	}
	return nil
}

// jsonProblem tells a value of the wrong type from text that is not JSON.
func jsonProblem(err error) *rewards.Problem {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var failure *fault.Error // of a list that holds a null
	switch {
	case errors.As(err, &failure):
		return rewards.NewProblem(rewards.CodeInvalidField, "%s", failure.Detail)
	case errors.As(err, &wrong):
		return rewards.NewProblem(rewards.CodeInvalidField, "%s: a %s is not a value of this field", wrong.Field, fault.Short(wrong.Value))
	case errors.As(err, &syntax):
		return rewards.NewProblem(rewards.CodeBadJSON, "at byte %d: %s", syntax.Offset, fault.Short(syntax.Error()))
	case errors.Is(err, io.EOF):
		return rewards.NewProblem(rewards.CodeBadJSON, "the body is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return rewards.NewProblem(rewards.CodeBadJSON, "the body ends inside its JSON value")
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return rewards.NewProblem(rewards.CodeUnknownField, "%s: unknown field", fault.Short(strings.Trim(field, `"`)))
	}
	return rewards.NewProblem(rewards.CodeBadJSON, "%s", fault.Short(err.Error()))
}

// blankTurn tells whether some message lacks its role or has no content, which may be missing or meant to be empty.
func blankTurn(request any) bool {
	blank := func(messages []chat.Message) bool {
		for i := range messages {
			if messages[i].Role == "" || messages[i].Content == "" {
				return true
			}
		}
		return false
	}
	var items []encode.Item
	switch r := request.(type) {
	case *rewards.ScoreRequest:
		items = r.Items
	case *rewards.StepsRequest:
		items = r.Items
	case *rewards.TokenizeRequest:
		items = r.Items
	case *rewards.RankRequest:
		return blank(r.Messages)
	case *rewards.CompareRequest:
		for i := range r.Pairs {
			if blank(r.Pairs[i].Messages) {
				return true
			}
		}
		return blank(r.Messages)
	}
	for i := range items {
		if blank(items[i].Messages) {
			return true
		}
	}
	return false
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// recycle keeps a buffer for the next request, unless one large request would pin its memory.
func recycle(buffer *bytes.Buffer) {
	if buffer.Cap() <= 1<<20 {
		buffer.Reset()
		buffers.Put(buffer)
	}
}

// readBody reads a JSON body of at most the cap and lends it to use, which must not keep it.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, use func(body []byte) error) error {
	if err := jsonType(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	if r.ContentLength > s.options.MaxBody {
		return rewards.NewProblem(rewards.CodeBodyTooLarge, "the body has %d bytes, and the cap is %d", r.ContentLength, s.options.MaxBody)
	}
	buffer, _ := buffers.Get().(*bytes.Buffer)
	defer recycle(buffer)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.options.BodyTimeout))
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, s.options.MaxBody))
	_ = control.SetReadDeadline(time.Time{}) // left in place it would end the request's context while it waits for its answer
	if err != nil {
		return bodyProblem(err, s.options)
	}
	if err := unicodeOnly(buffer.Bytes()); err != nil {
		return err
	}
	return use(buffer.Bytes())
}

// unicodeOnly refuses what the decoder would replace without a word, after which another text would be scored: bytes that are
// not UTF-8, and escapes of half a surrogate pair.
func unicodeOnly(body []byte) error {
	if !utf8.Valid(body) {
		return rewards.NewProblem(rewards.CodeBadJSON, "the body is not UTF-8")
	}
	if !bytes.Contains(body, []byte(`\ud`)) && !bytes.Contains(body, []byte(`\uD`)) {
		return nil
	}
	for at := 0; at < len(body); at++ {
		if body[at] != '\\' {
			continue
		}
		first := escaped(body[at:])
		if !utf16.IsSurrogate(first) {
			at++ // past the escaped byte, which may be a backslash
			continue
		}
		if utf16.DecodeRune(first, escaped(body[min(at+6, len(body)):])) == utf8.RuneError {
			return rewards.NewProblem(rewards.CodeBadJSON, "at byte %d: %s is half of a surrogate pair", at+1, body[at:at+6])
		}
		at += 11
	}
	return nil
}

// escaped is the code unit of the \uXXXX that the text begins with, or -1.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}

func bodyProblem(err error, options Options) error {
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return rewards.NewProblem(rewards.CodeBodyTooLarge, "the body has more bytes than the cap of %d", large.Limit)
	case errors.As(err, &network) && network.Timeout():
		return rewards.NewProblem(rewards.CodeBodyTimeout, "the body was not there after %s", options.BodyTimeout)
	}
	return rewards.NewProblem(rewards.CodeClientGone, "the connection broke inside the body")
}

func jsonType(header string) error {
	if header == "application/json" {
		return nil
	}
	if header == "" {
		return rewards.NewProblem(rewards.CodeMediaType, "Content-Type is missing, and must be application/json")
	}
	media, parameters, err := mime.ParseMediaType(header)
	charset := strings.ToLower(parameters["charset"])
	if err != nil || media != "application/json" || (charset != "" && charset != "utf-8") {
		return rewards.NewProblem(rewards.CodeMediaType, "Content-Type is %q, and must be application/json in UTF-8", fault.Short(header))
	}
	return nil
}
