package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assay-rm/assay/server/problem"
)

// holding asks for room for a body of so many bytes.
func holding(o *room, c *caller, size int64, encoding string) (func(), error) {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/score", strings.NewReader("x"))
	r.ContentLength = size
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	return o.hold(&exchange{caller: c}, r, 1<<20)
}

// TestBodiesHaveARoom: the bodies in flight never have more bytes than the room, one caller's no more than half of it,
// a small one needs none, and what finds no room is told so after a while.
func TestBodiesHaveARoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newRoom(1 << 20)
		a, b, c := &caller{name: "a"}, &caller{name: "b"}, &caller{name: "c"}
		var back []func()
		for _, one := range []*caller{a, b} {
			for range roomBodies / 2 {
				free, err := holding(o, one, 1<<20, "")
				if err != nil {
					t.Fatal(err)
				}
				back = append(back, free)
			}
		}
		for _, refused := range []struct {
			of       *caller
			encoding string
			size     int64
			says     string
		}{
			{a, "", 1 << 20, "of the same caller"},
			{c, "", 1 << 17, "in flight"},
			{c, "gzip", 100, "in flight"},
			{c, "", -1, "in flight"},
		} {
			begun := time.Now()
			_, err := holding(o, refused.of, refused.size, refused.encoding)
			if p := problem.Of(err); err == nil || p.Code != problem.CodeBodiesFull || p.Status != 429 || !strings.Contains(p.Detail, refused.says) {
				t.Errorf("%d bytes of %s: %v", refused.size, refused.of.name, err)
			}
			if waited := time.Since(begun); waited != roomWait {
				t.Errorf("it waited %s", waited)
			}
		}
		for _, size := range []int64{0, 1, smallBody, 2 << 20} { // the last is refused by its size
			if _, err := holding(o, c, size, ""); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		go func() {
			time.Sleep(time.Second)
			back[0]()
		}()
		free, err := holding(o, c, 1<<20, "")
		if err != nil {
			t.Errorf("after another had ended: %v", err)
		}
		free()
		for _, free := range back[1:] {
			free()
		}
		if !o.taken.TryAcquire(o.total) {
			t.Error("not all was given back")
		}
	})
}

// TestRoomOfALeavingClient: a client that leaves while its body waits for room is not told of a full server.
func TestRoomOfALeavingClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newRoom(1<<20), &caller{}
		if !o.taken.TryAcquire(o.total) {
			t.Fatal("the room is not empty")
		}
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/score", http.NoBody)
		r.ContentLength = 1 << 20
		time.AfterFunc(time.Second, leave)
		if _, err := o.hold(&exchange{caller: c}, r, 1<<20); err == nil || problem.Of(err).Code == problem.CodeBodiesFull {
			t.Errorf("%v", err)
		}
		if !c.bodies(o.each).TryAcquire(o.each) {
			t.Error("what it took as a caller was not given back")
		}
	})
}
