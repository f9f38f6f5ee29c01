package commands

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/onnxrun"
	"github.com/assay-rm/assay/rewards"
)

// runtimeFlags say how every bundle is run.
type runtimeFlags struct {
	ONNXRuntime string            `name:"onnxruntime" group:"Models" env:"ASSAY_ONNXRUNTIME" placeholder:"FILE" help:"The ONNX Runtime library. Left out, it is searched for beside the binary, in ../lib/assay and .runtime/lib from there, and in .runtime/lib of the checkout that built it."`
	Device      device            `group:"Models" env:"ASSAY_DEVICE" default:"cpu" placeholder:"DEVICE" help:"Where forwards run: cpu, cuda (the first GPU), cuda:0,1 (these GPUs, each with a copy of the weights), or cuda:0+1 (one copy on both, of a bundle in two stages)."`
	DeviceMem   size              `name:"device-memory" group:"Models" env:"ASSAY_DEVICE_MEMORY" default:"0" help:"What each model may take of a GPU's memory beside its cache; 0 as much as there is."`
	CUDA        map[string]string `name:"cuda-option" group:"Models" env:"ASSAY_CUDA_OPTION" placeholder:"NAME=VALUE" help:"An option of ONNX Runtime's CUDA provider, such as use_tf32=1. Repeat it for more."`
	RequireFast bool              `group:"Models" env:"ASSAY_REQUIRE_FAST" help:"Refuse a bundle of operators of domain assay in bfloat16 or int8 that these processors have no instructions for, and any such bundle where they have neither AVX2 nor AVX-512. Else it is served with a notice of what it costs."`
	Threads     int               `group:"Models" env:"ASSAY_THREADS" default:"0" help:"Threads of one forward; 0 takes one per processor that the process may use, by its affinity mask and the container's quota."`
	BatchTokens int               `group:"Models" env:"ASSAY_BATCH_TOKENS" default:"0" help:"Tokens of one forward; 0 measures what runs fastest when the model is loaded."`
}

// Validate is called by the parser.
func (f *runtimeFlags) Validate() error {
	if f.Threads < 0 {
		return usage("--threads is %d, and must not be negative", f.Threads)
	}
	if f.BatchTokens < 0 {
		return usage("--batch-tokens is %d, and must not be negative", f.BatchTokens)
	}
	if onnxrun.Device(f.Device).OnGPU() && f.RequireFast {
		return usage("--require-fast is for processors, and --device is %s", onnxrun.Device(f.Device))
	}
	if onGPU := onnxrun.Device(f.Device).OnGPU(); !onGPU && (f.DeviceMem > 0 || len(f.CUDA) > 0) {
		return usage("--device-memory and --cuda-option are for a GPU, and --device is %s", onnxrun.Device(f.Device))
	}
	return nil
}

// device is models.Device on the command line.
type device onnxrun.Device

// UnmarshalText reads cpu, cuda, cuda:0,1 or cuda:0+1.
func (d *device) UnmarshalText(text []byte) error {
	parsed, err := onnxrun.ParseDevice(string(text))
	*d = device(parsed)
	return err
}

// serverModels say which models a server has, and how much may wait for each.
type serverModels struct {
	Runtime   runtimeFlags  `embed:""`
	Bundle    []string      `group:"Models" env:"ASSAY_BUNDLE" placeholder:"DIR" help:"Load the bundle in DIR too, or an embedded one that is not loaded by itself: builtin:arith-policy, builtin:arith-reference, builtin:arith-implicit. Repeat it for more."`
	Dir       string        `name:"models" group:"Models" env:"ASSAY_MODELS" placeholder:"DIR" help:"Load the bundles in the folders of DIR too. A server follows what changes there: it loads new bundles, loads changed ones again and unloads those that are gone."`
	NoBuiltin bool          `group:"Models" env:"ASSAY_NO_BUILTIN" help:"Leave the embedded models out."`
	MaxItems  int           `group:"Limits" env:"ASSAY_MAX_ITEMS" default:"${queueItems}" help:"Items that may wait for a model."`
	MaxTokens int           `group:"Limits" env:"ASSAY_MAX_TOKENS" default:"${queueTokens}" help:"Tokens that may wait for a model."`
	Cache     size          `group:"Models" env:"ASSAY_CACHE" default:"512MiB" help:"Keys and values that each packed model may keep, to compute a prefix that comes again only once; 0 keeps none."`
	MaxDelay  time.Duration `group:"Limits" env:"ASSAY_MAX_DELAY" default:"0s" help:"How long an idle model holds an item back for others to join it; 0s lets a lone item leave at once."`
}

// Validate is called by the parser.
func (f *serverModels) Validate() error {
	switch {
	case f.MaxItems < 1:
		return usage("--max-items is %d, and must be positive", f.MaxItems)
	case f.MaxTokens < 1:
		return usage("--max-tokens is %d, and must be positive", f.MaxTokens)
	case f.MaxDelay < 0:
		return usage("--max-delay is %s, and must not be negative", f.MaxDelay)
	case f.NoBuiltin && len(f.Bundle) == 0 && f.Dir == "":
		return usage("--no-builtin leaves no model to load; name one with --bundle DIR, or a folder of bundles with --models DIR")
	}
	return nil
}

// sources lists the bundles: the embedded ones first, then the others as they were given, and then those of the folder
// of bundles in the order of their names.
func (f *serverModels) sources() ([]models.Source, error) {
	var sources []models.Source
	if !f.NoBuiltin {
		sources = builtin.Sources()
	}
	sources, err := withBundles(sources, f.Bundle)
	if err != nil || f.Dir == "" {
		return sources, err
	}
	folders, _, err := bundlesIn(f.Dir)
	if err != nil {
		return nil, usage("--models: %v", err)
	}
	for _, folder := range folders {
		sources = append(sources, models.Dir(folder))
	}
	return sources, nil
}

// withBundles adds bundles, each a directory or the name of an embedded one.
func withBundles(sources []models.Source, dirs []string) ([]models.Source, error) {
	for _, dir := range dirs {
		source, err := builtin.Source(dir)
		if err != nil {
			return nil, usage("bundle %s: %v", dir, err)
		}
		sources = append(sources, source)
	}
	return sources, nil
}

func (f *serverModels) options() models.Options {
	options := f.Runtime.options()
	options.MaxItems, options.MaxTokens, options.MaxDelay, options.Cache = f.MaxItems, f.MaxTokens, f.MaxDelay, int64(f.Cache)
	return options
}

func (f *runtimeFlags) options() models.Options {
	device := onnxrun.Device(f.Device)
	device.Memory, device.CUDA, device.Fast = int64(f.DeviceMem), f.CUDA, f.RequireFast
	threads := f.Threads
	if threads == 0 {
		threads = readProcessors(os.DirFS("/")).share()
	}
	return models.Options{Runtime: f.ONNXRuntime, Device: device, Threads: threads, Tokens: f.BatchTokens}
}

// load opens and proves every bundle and runs its model. The caller must call stop.
func load(ctx context.Context, sources []models.Source, options models.Options) (*running, error) {
	var opened []openedModel
	var all []*models.Model
	if options.Gate == nil {
		options.Gate = encode.NewGate() // one for all of them
	}
	registry, err := func() (*models.Registry, error) {
		for _, source := range sources {
			start := time.Now()
			m, err := models.Open(ctx, source, options)
			if ctx.Err() != nil && err != nil {
				return nil, ctx.Err() // whatever broke off, this is why
			}
			if err != nil {
				return nil, err
			}
			opened, all = append(opened, openedModel{m, source, time.Since(start)}), append(all, m)
		}
		return models.NewRegistry(all...)
	}()
	r := &running{registry: registry, opened: opened}
	// The signal that ends ctx must not end the forwards that answer what was accepted; stop does, when that is done.
	lasting := context.WithoutCancel(ctx)
	for _, m := range all {
		if err != nil {
			m.Close()
		}
		r.add(lasting, m)
	}
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// log says what is loaded.
func (r *running) log(ctx context.Context, log *slog.Logger) {
	for _, m := range r.opened {
		logLoaded(ctx, log, m.Info(), m.took)
	}
}

func logLoaded(ctx context.Context, log *slog.Logger, info *models.Info, took time.Duration) {
	log.InfoContext(ctx, "loaded", "model", info.Manifest.Name, "kind", info.Manifest.Kind, "digest", info.Digest, "revision", info.Revision,
		"provider", info.Provider, "kernels", info.Kernels, "threads", info.Threads, "lanes", info.Lanes, "batch_tokens", info.Batching.Tokens, "took", took)
	if info.Slow != "" {
		log.WarnContext(ctx, "slow", "model", info.Manifest.Name, "why", info.Slow)
	}
}

// engine answers over the models.
func (r *running) engine() *rewards.Engine { return rewards.New(r.registry) }

// caches is how many bytes of keys and values all models may keep.
func (r *running) caches() size {
	bytes := int64(0)
	for _, m := range r.registry.All() {
		bytes += m.Info().Cache
	}
	return size(bytes)
}
