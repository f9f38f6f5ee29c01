//! What Assay links from Rust: tokenizers, by the sources of github.com/daulet/tokenizers, and chat templates, by
//! minijinja.

#[allow(dead_code)] // not all that the module offers is called
mod tokenizers_c;

mod arguments;
mod budget;
mod capi;
mod date;
mod each;
mod environment;
mod filters;
mod fixed;
mod json;
mod lazy;
mod methods;
mod numbers;
mod operators;
mod print;
mod rewrite;
mod strings;
mod syntax;
mod template;

pub use capi::*;

/// Tokenizing and rendering take and give back memory for every word and value, many threads at once, which is what
/// this allocator is made for. What C allocates, ONNX Runtime's memory too, is not its own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs what may panic, in reading a tokenizer's file or in a template. A panic is an error, since one that crosses the
/// C interface ends the process; none is printed, since what comes of it says so.
fn caught<T, E: From<&'static str>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the library panicked".into()))
}
