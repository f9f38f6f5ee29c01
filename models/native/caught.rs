
// tokenizers.sh puts this behind the sources of the module. A panic while a file is read is an error, since one that crosses the C
// interface ends the process; and no panic is printed, since what comes of it says so.
fn caught<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> tokenizers::Result<T> {
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the library panicked".into()))
}
