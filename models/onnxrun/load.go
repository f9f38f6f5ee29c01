package onnxrun

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/nodes"
)

// Memory is what ONNX Runtime may take on the host for a session of a graph of so many bytes, external data counted:
// its weights, which may be stored narrower than they are computed, copies of them in the order that is fastest, and
// what lies between operators. A graph that asks for more fails its forward.
func Memory(bytes int64) int64 { return 1<<30 + 12*bytes }

// opening is held while a session is made, since the bound on its memory is set for the process.
var opening sync.Mutex

// load makes one session of a stage, on a GPU where there are options for it.
func (s *Session) load(ctx context.Context, st *stage, file *Stage, threads int, cuda map[string]string) (session *ort.DynamicAdvancedSession, err error) {
	own := threads
	if st.of.Assay() && st.gpu == nil {
		own = 1 // what is not an operator of ours takes little time
	}
	options, err := sessionOptions(own, file.Bytes+file.External)
	if err != nil {
		return nil, err
	}
	defer options.Destroy() //nolint:errcheck // freeing cannot fail
	defer s.runtime.Until(ctx, options)()
	if err := s.registerOperators(st, options, cuda != nil, threads); err != nil {
		return nil, err
	}
	open := func() (err error) {
		switch {
		case st.weights != nil:
			session, err = st.weights.shared.Open(file.Path, options)
		case file.Path != "":
			session, err = ort.NewDynamicAdvancedSession(file.Path, st.inputs, st.outputs(), options)
		default:
			session, err = ort.NewDynamicAdvancedSessionWithONNXData(file.Content, st.inputs, st.outputs(), options)
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	if cuda != nil {
		err = errors.Join(s.keepOnGPU(options), appendCUDA(options, cuda))
		if err == nil {
			err = s.left(open())
		}
		return session, err
	}
	opening.Lock()
	defer opening.Unlock()
	err = errors.Join(options.AddSessionConfigEntry("session.use_env_allocators", "1"), s.runtime.Within(Memory(file.Bytes+file.External), open))
	return session, err
}

// keepOnGPU has ONNX Runtime refuse a graph of which it would run some nodes on the processors, where the graph is one
// for GPUs. Graphs of the older form compute shapes there.
func (s *Session) keepOnGPU(options *ort.SessionOptions) error {
	if !s.graph.Fused() {
		return nil
	}
	return options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
}

// left says in a sentence that a graph for GPUs was refused for nodes that would leave them.
func (s *Session) left(err error) error {
	if err == nil || !strings.Contains(err.Error(), "fallback to CPU EP has been explicitly disabled") {
		return err
	}
	return fault.New(fault.CodeDevice, "graph.compute is %s, and ONNX Runtime has no kernel on a GPU for some nodes of the graph, which would run on "+
		"the processors: export the checkpoint without --compute", s.graph.Compute)
}

// sessionOptions are those of a graph of so many bytes. What is computed once for all runs, from weights alone, may be
// four times as large as they are: float32 where they are stored as int8.
func sessionOptions(threads int, bytes int64) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	const leastFolded = 64 << 20
	return options, errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		options.SetMemPattern(false), // shapes differ from run to run
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1"),
		options.AddSessionConfigEntry("session.intra_op.spin_duration_us", "50"),
		options.AddSessionConfigEntry("session.force_spinning_stop", "1"),
		options.AddSessionConfigEntry("optimization.constant_folding_max_output_size_in_bytes", strconv.FormatInt(max(leastFolded, 4*bytes), 10)),
	)
}

// registerOperators puts our kernels in the place of the bodies of a graph's operators of domain assay: those of the
// stage's GPU, or those of the processors on so many threads.
func (s *Session) registerOperators(st *stage, options *ort.SessionOptions, cuda bool, threads int) error {
	switch {
	case !st.of.Assay():
		return nil
	case st.gpu == nil && cuda:
		return fault.New(fault.CodeDevice, "graph.operators is assay, and this server was built without kernels for GPUs: build it with -tags gpu, "+
			"or export the checkpoint without --operators")
	case st.gpu == nil:
		return st.onProcessors(s.runtime, options, threads)
	}
	provider := ""
	if cuda {
		provider = "CUDAExecutionProvider"
	}
	release, err := st.gpu.register(options, provider, st.numbers)
	if err == nil {
		st.kernels = append(st.kernels, release)
	}
	return err
}

// onProcessors has a session run the operators by the processors' kernels. Linear layers pack their weights once for
// all sessions of a stage.
func (st *stage) onProcessors(runtime *inplace.Runtime, options *ort.SessionOptions, threads int) error {
	if st.packed == nil {
		st.packed = nodes.NewWeights()
		if st.weights != nil {
			for _, file := range st.weights.files {
				st.packed.Mapped(file)
			}
		}
	}
	set, err := nodes.RegisterProcessor(runtime.API(), options, st.numbers.device, processor.Best(), threads, st.packed)
	if err == nil {
		st.kernels = append(st.kernels, set.Close)
	}
	return err
}
