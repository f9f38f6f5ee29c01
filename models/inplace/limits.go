package inplace

/*
#include "onnxruntime_c_api.h"

// The environment is one for the process: creating it again gives the same, and counts.
static OrtStatus *arena_open(const OrtApi *api, size_t most) {
	const char *key = "max_mem";
	OrtEnv *env = NULL;
	OrtMemoryInfo *memory = NULL;
	OrtArenaCfg *bounds = NULL;
	OrtStatus *failed = api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "assay", &env);
	if (!failed) failed = api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory);
	if (!failed) failed = api->CreateArenaCfgV2(&key, &most, 1, &bounds);
	if (!failed) failed = api->CreateAndRegisterAllocator(env, memory, bounds);
	if (bounds) api->ReleaseArenaCfg(bounds);
	if (memory) api->ReleaseMemoryInfo(memory);
	if (env) api->ReleaseEnv(env);
	return failed;
}

static OrtStatus *arena_close(const OrtApi *api) {
	OrtEnv *env = NULL;
	OrtMemoryInfo *memory = NULL;
	OrtStatus *failed = api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "assay", &env);
	if (!failed) failed = api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory);
	if (!failed) failed = api->UnregisterAllocator(env, memory);
	if (memory) api->ReleaseMemoryInfo(memory);
	if (env) api->ReleaseEnv(env);
	return failed;
}

static OrtStatus *load_end(const OrtApi *api, void *options) { return api->SessionOptionsSetLoadCancellationFlag(options, 1); }

static const char *sentence(const OrtApi *api, OrtStatus *status) { return api->GetErrorMessage(status); }
static void forget_status(const OrtApi *api, OrtStatus *status) { api->ReleaseStatus(status); }
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Within calls open, which makes sessions on the processors with the option session.use_env_allocators, "1". All memory
// that ONNX Runtime takes for them, then and later, is at most so many bytes together; a run that asks for more fails.
// One call at a time.
func (r *Runtime) Within(most int64, open func() error) error {
	if err := r.check(C.arena_open(r.api, C.size_t(most))); err != nil {
		return fmt.Errorf("bound the memory of a session: %w", err)
	}
	return errors.Join(open(), r.check(C.arena_close(r.api)))
}

// Until has ONNX Runtime give up making a session with these options when ctx ends. The function that it gives must be
// called before the options are destroyed.
func (r *Runtime) Until(ctx context.Context, options *ort.SessionOptions) (done func()) {
	end := func() {
		r.check(C.load_end(r.api, pointerIn(unsafe.Pointer(options)))) //nolint:errcheck // it sets a flag
	}
	if ctx.Err() != nil {
		end()
		return func() {}
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		end()
		close(told)
	})
	return func() {
		if !stop() {
			<-told
		}
	}
}

// check turns a status into an error, and frees it.
func (r *Runtime) check(failed *C.OrtStatus) error {
	if failed == nil {
		return nil
	}
	defer C.forget_status(r.api, failed)
	return errors.New(C.GoString(C.sentence(r.api, failed)))
}
