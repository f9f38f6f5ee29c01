package inplace

/*
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "onnxruntime_c_api.h"

typedef struct {
	const OrtApi *api;
	pthread_t thread;
	int start, done; // counters to wait for: a run may start, and it is done
	OrtRunOptions *options; // by which a run is told to end
	OrtSession *session; // null: the thread ends
	OrtIoBinding *binding;
	OrtStatus *failed; // of the last run; null: it has not
} Thread;

static void say(int event) {
	const uint64_t one = 1;
	while (write(event, &one, sizeof one) < 0 && errno == EINTR) {}
}

static void *run_all(void *argument) {
	Thread *t = argument;
	for (uint64_t count;;) {
		while (read(t->start, &count, sizeof count) < 0 && errno == EINTR) {}
		if (!t->session) return NULL;
		t->failed = t->api->RunWithBinding(t->session, t->options, t->binding);
		say(t->done);
	}
}

// Null where the system has no memory, no thread or no file descriptor left; done is the caller's to close.
static Thread *thread_open(const OrtApi *api) {
	Thread *t = calloc(1, sizeof *t);
	if (!t) return NULL;
	t->api = api;
	OrtStatus *failed = api->CreateRunOptions(&t->options);
	if (failed) {
		api->ReleaseStatus(failed);
		free(t);
		return NULL;
	}
	t->start = eventfd(0, EFD_CLOEXEC);
	t->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->start >= 0 && t->done >= 0 && pthread_create(&t->thread, NULL, run_all, t) == 0) {
		pthread_setname_np(t->thread, "assay-forward");
		return t;
	}
	if (t->start >= 0) close(t->start);
	if (t->done >= 0) close(t->done);
	api->ReleaseRunOptions(t->options);
	free(t);
	return NULL;
}

static void thread_run(Thread *t, void *session, void *binding) {
	t->session = session;
	t->binding = binding;
	say(t->start);
}

static void thread_close(Thread *t) {
	thread_run(t, NULL, NULL);
	pthread_join(t->thread, NULL);
	close(t->start);
	t->api->ReleaseRunOptions(t->options);
	free(t);
}

// The run in progress, or the next one, ends before its next operator; or it may run again. Both always succeed.
static OrtStatus *thread_end(Thread *t) { return t->api->RunOptionsSetTerminate(t->options); }
static OrtStatus *thread_again(Thread *t) { return t->api->RunOptionsUnsetTerminate(t->options); }

static const char *words(const OrtApi *api, OrtStatus *status) { return api->GetErrorMessage(status); }
static void forget(const OrtApi *api, OrtStatus *status) { api->ReleaseStatus(status); }
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Threads run bound sessions on threads that Go knows nothing of. While one of Go's own is in a long call into C, the
// runtime's monitor wakes some sixty times to look after it, and each time takes a core from one of ONNX Runtime's
// threads, for which the others wait: on two cores it made a forward of 33 ms 4 % slower. Goroutines may share it.
type Threads struct {
	runtime *Runtime
	mu      sync.Mutex
	idle    []*thread // guarded by mu
}

// thread is one of them; done tells when its run is.
type thread struct {
	c    *C.Thread
	done *os.File
}

// NewThreads starts none yet: there will be as many as runs side by side.
func (r *Runtime) NewThreads() *Threads { return &Threads{runtime: r} }

// Run is session.RunWithBinding(binding), until ctx ends: then the run ends before its next operator, and the error is
// ctx's cause. An operator that is being computed is waited for, so that nobody writes to what is bound once Run has
// returned.
func (t *Threads) Run(ctx context.Context, session *ort.DynamicAdvancedSession, binding *ort.IoBinding) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	own, err := t.take()
	if err != nil {
		return err
	}
	defer t.put(own)
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.thread_end(own.c)
		close(told)
	})
	C.thread_run(own.c, pointerIn(pointerIn(unsafe.Pointer(session))), pointerIn(unsafe.Pointer(binding)))
	var count [8]byte
	if _, err := own.done.Read(count[:]); err != nil { // a counter that is open can be read
		panic(fmt.Sprintf("inplace: wait for a run: %v", err))
	}
	if !stop() {
		<-told
		C.thread_again(own.c)
	}
	failed := own.c.failed
	if failed == nil {
		return nil
	}
	defer C.forget(t.runtime.api, failed)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.New(C.GoString(C.words(t.runtime.api, failed)))
}

// pointerIn is the pointer with which a struct of onnxruntime_go begins, which a test holds to be so.
func pointerIn(structure unsafe.Pointer) unsafe.Pointer { return *(*unsafe.Pointer)(structure) }

func (t *Threads) take() (*thread, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.idle) - 1; last >= 0 {
		own := t.idle[last]
		t.idle = t.idle[:last]
		return own, nil
	}
	own := C.thread_open(t.runtime.api)
	if own == nil {
		return nil, errors.New("the system has no thread left for a forward, or no file descriptor")
	}
	return &thread{own, os.NewFile(uintptr(own.done), "forward")}, nil
}

func (t *Threads) put(own *thread) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, own)
}

// Close ends the threads. No run is in progress, and none follows.
func (t *Threads) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, own := range t.idle {
		C.thread_close(own.c)
		own.done.Close() //nolint:errcheck // nothing is lost
	}
	t.idle = nil
}
