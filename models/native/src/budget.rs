//! What one rendering may take. A template is a program that came with a checkpoint, so nothing that it does is free.
//!
//! Steps are the engine's own fuel. Beside them every text and list that an operator, a filter or a method reads or
//! makes is charged here in bytes, since one step can double a text; and lists that hold lists are counted, since one
//! that holds one that holds one … is dropped by recursion, on a stack of perhaps 2 MiB.

use std::cell::Cell;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::each;

/// Instructions of one rendering: loops that never end stop here, within a fraction of a second.
pub const STEPS: u64 = 4_000_000;

/// Bytes of one rendering, beside `PER_BYTE` for each byte of what is rendered.
pub const BYTES: usize = 256 << 20;
pub const PER_BYTE: usize = 64;

/// Bytes that one rendering may write: more than any request may have of text.
pub const WRITTEN: usize = 128 << 20;

/// How deep a list or dict may be nested where it is written or compared.
pub const DEPTH: usize = 100;

/// Lists, dicts and namespaces that one rendering makes of others.
pub const NESTED: usize = 5_000;

/// Bytes that one item of a list stands for.
const ITEM: usize = 32;

thread_local! {
    static LEFT: Cell<usize> = const { Cell::new(0) };
    static MADE: Cell<usize> = const { Cell::new(0) };
    static ROOM: Cell<usize> = const { Cell::new(0) };
}

/// Begins the rendering of an input of so many bytes on this thread.
pub fn begin(input: usize) {
    LEFT.set(BYTES.saturating_add(input.saturating_mul(PER_BYTE)));
    MADE.set(0);
    ROOM.set(WRITTEN);
}

/// Charges so many bytes.
pub fn charge(bytes: usize) -> Result<(), Error> {
    match LEFT.get().checked_sub(bytes) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => {
            LEFT.set(0);
            Err(refusal(format!(
                "the template makes or reads more than {BYTES} bytes and {PER_BYTE} for each byte of its input"
            )))
        }
    }
}

/// Charges so many bytes that are written.
pub fn written(bytes: usize) -> Result<(), Error> {
    match ROOM.get().checked_sub(bytes) {
        Some(room) => ROOM.set(room),
        None => return Err(refusal(format!("the template writes more than {WRITTEN} bytes"))),
    }
    charge(bytes)
}

/// Charges so many bytes `times` over.
pub fn charge_times(bytes: usize, times: usize) -> Result<(), Error> {
    charge(bytes.saturating_mul(times))
}

/// Charges what an operation reads of a value.
pub fn charge_value(value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String => charge(value.as_str().map_or(0, each::size)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => charge_times(ITEM, value.len().unwrap_or(0)),
        _ => Ok(()),
    }
}

/// Charges all that a comparison or a lookup may read of a value, whatever it holds. What is nested deeper than can be
/// written is refused: each comes down by recursion.
pub fn weigh(value: &Value) -> Result<(), Error> {
    weigh_at(value, 0)
}

fn weigh_at(value: &Value, depth: usize) -> Result<(), Error> {
    charge_value(value)?;
    if depth > DEPTH {
        return Err(refusal(format!("a list or dict is nested more than {DEPTH} deep")));
    }
    match value.kind() {
        ValueKind::Seq => value.try_iter()?.try_for_each(|item| weigh_at(&item, depth + 1)),
        ValueKind::Map => match value.as_object().and_then(|dict| dict.try_iter_pairs()) {
            Some(mut pairs) => pairs.try_for_each(|(_, item)| weigh_at(&item, depth + 1)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Counts a list or dict that was made, if it holds others, and charges its items.
pub fn made(value: Value) -> Result<Value, Error> {
    charge_value(&value)?;
    let holds = match value.kind() {
        ValueKind::Seq => value.try_iter()?.any(|item| container(&item)),
        ValueKind::Map => value
            .as_object()
            .and_then(|dict| dict.try_iter_pairs())
            .is_some_and(|mut pairs| pairs.any(|(_, item)| container(&item))),
        kind => kind == ValueKind::Plain, // a namespace, which may come to hold anything
    };
    if holds {
        nested()?;
    }
    Ok(value)
}

/// Counts one that holds others, if any of the items is one.
pub fn made_of(items: &[Value]) -> Result<(), Error> {
    charge_times(ITEM, items.len())?;
    if items.iter().any(container) {
        nested()?;
    }
    Ok(())
}

fn container(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map | ValueKind::Plain)
}

fn nested() -> Result<(), Error> {
    MADE.set(MADE.get() + 1);
    if MADE.get() > NESTED {
        return Err(refusal(format!("the template makes more than {NESTED} lists and dicts of others")));
    }
    Ok(())
}

/// An error of this engine, whose detail is a whole sentence.
pub fn refusal(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}
