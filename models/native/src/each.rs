//! One rendering for many texts: a conversation whose last turn is a mark, which stands for each of the responses to
//! one prompt, or, of a pair model, one with two marks, which stand for each pair of them.
//!
//! A template carries a response from one place to another, and that is done once, on the mark. What reads a response
//! is done for each of them, and gives a value if it is the same for all, and else another mark, which stands for what
//! came of each:
//!
//! ```text
//! {{ '<user>' + prompt + '<bot>' + answer }}   carried: one text with a mark in it
//! {% if '</think>' in answer %}                read: false of each, so it is false
//! {{ answer | trim }}                          read: the mark of the texts that are trimmed
//! {{ answer | length }}                        read: each has another, so there is no one rendering
//! ```
//!
//! Where there is no one rendering, each conversation is rendered by itself. What one rendering takes, each by itself
//! takes no more of, so that a conversation that is refused alone is not rendered here.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use minijinja::value::{Value, ValueKind};
use minijinja::Error;

use crate::budget::{charge, charge_times, refusal, DEPTH};
use crate::{fixed, lazy};

thread_local! {
    static MARKS: RefCell<Option<Marks>> = const { RefCell::new(None) };
}

/// What the marks of this thread's rendering stand for.
struct Marks {
    texts: Vec<Vec<String>>, // by the mark's number: a text of each response, none of them empty
    longest: Vec<usize>,     // bytes of the longest of them
    kept: usize,             // bytes of all
}

/// Bytes of a mark: its first ones, which no text has by chance, and eight digits of its number.
const BEGIN: usize = 20;
const SIZE: usize = BEGIN + 8;

/// Bytes that one rendering with marks may keep: its text, and what the marks stand for.
const KEPT: usize = 4 << 20;

fn begin() -> &'static str {
    static BEGIN: OnceLock<String> = OnceLock::new();
    BEGIN.get_or_init(|| format!("\u{10fffd}{:016x}", RandomState::new().build_hasher().finish()))
}

/// The mark that stands for what is rendered: a response is number 0, and where two are rendered together, the other 1.
pub fn numbered(number: usize) -> String {
    format!("{}{number:08x}", begin())
}

/// What is left of a rendering with marks: it can give the text of each response.
pub struct Texts {
    text: String,
    marks: Marks,
}

impl Texts {
    /// The text with a response in the place of each mark, or None where there is no such response.
    pub fn at(&self, response: usize) -> Option<String> {
        self.marks.texts[0].get(response)?;
        Some(self.marks.filled(&self.text, response))
    }
}

/// Renders with a mark for each list of texts, which are equally long, and of whose texts none is empty.
pub fn render(texts: Vec<Vec<String>>, work: impl FnOnce() -> Result<String, String>) -> Result<Texts, String> {
    let responses = texts.first().map_or(0, Vec::len);
    if responses == 0 || texts.iter().any(|list| list.len() != responses || list.iter().any(String::is_empty)) {
        return Err("a response is empty".to_owned());
    }
    let longest = texts.iter().map(|list| longest(list)).collect();
    let _end = End;
    MARKS.set(Some(Marks { texts, longest, kept: 0 }));
    let text = work()?;
    let marks = MARKS.take().expect("nobody else takes them");
    if marks.kept + text.len() > KEPT {
        return Err("the renderings are too large to be kept".to_owned());
    }
    Ok(Texts { text, marks })
}

fn longest(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0)
}

/// Ends this thread's rendering with marks, also where it panics.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        MARKS.take();
    }
}

/// Bytes of the marks in a rendering's variables, of which each stands for a text of a byte or more.
pub fn spare() -> usize {
    MARKS.with_borrow(|marks| marks.as_ref().map_or(0, |marks| SIZE * marks.texts.len()))
}

impl Marks {
    fn filled(&self, text: &str, response: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((number, from, to)) = next(rest) {
            out.push_str(&rest[..from]);
            out.push_str(&self.texts[number][response]);
            rest = &rest[to..];
        }
        out + rest
    }
}

/// The first mark of a text: its number, and where it begins and ends.
fn next(text: &str) -> Option<(usize, usize, usize)> {
    let from = text.find(begin())?;
    let digits = text.get(from + BEGIN..from + SIZE)?;
    Some((usize::from_str_radix(digits, 16).ok()?, from, from + SIZE))
}

/// Bytes that a text has at most, once there is a response in the place of each mark.
pub fn size(text: &str) -> usize {
    MARKS.with_borrow(|marks| {
        let Some(marks) = marks else { return text.len() };
        let (mut size, mut rest) = (text.len(), text);
        while let Some((number, _, to)) = next(rest) {
            size += marks.longest[number];
            rest = &rest[to..];
        }
        size
    })
}

fn some() -> bool {
    MARKS.with_borrow(Option::is_some)
}

/// Tells whether a value has a mark, whatever holds it.
pub fn marked(value: &Value) -> Result<bool, Error> {
    Ok(some() && holds(value, 0)?)
}

fn holds(value: &Value, depth: usize) -> Result<bool, Error> {
    let any = |items: &mut dyn Iterator<Item = Value>| {
        for item in items {
            charge(16)?;
            if holds(&item, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match value.kind() {
        _ if depth > DEPTH => Err(apart()),
        ValueKind::String => Ok(value.as_str().is_some_and(|text| text.contains(begin()))),
        ValueKind::Seq => any(&mut value.try_iter()?),
        ValueKind::Map => match value.as_object().and_then(|dict| dict.try_iter_pairs()) {
            Some(pairs) => any(&mut pairs.flat_map(|(key, item)| [key, item])),
            None => Ok(false),
        },
        ValueKind::Iterable => match lazy::items(value) {
            Some(items) => any(&mut items.into_iter()),
            None => Err(apart()),
        },
        ValueKind::Plain => Err(apart()), // a namespace, which may hold anything
        _ => Ok(false),
    }
}

/// The error of a rendering that is not the same for all responses.
fn apart() -> Error {
    refusal("the responses are not rendered alike")
}

/// Refuses marks where they cannot be read.
pub fn plain(value: &Value) -> Result<(), Error> {
    match marked(value)? {
        true => Err(apart()),
        false => Ok(()),
    }
}

/// Computes what reads its arguments: once, or where they have a mark, for each response.
pub fn read(args: &[Value], compute: impl Fn(&[Value]) -> Result<Value, Error>) -> Result<Value, Error> {
    let mut any = false;
    for arg in args {
        any |= marked(arg)?;
    }
    if !any {
        return compute(args);
    }
    let responses = MARKS.with_borrow(|marks| marks.as_ref().map_or(0, |m| m.texts[0].len()));
    let mut results = Vec::with_capacity(responses);
    let mut own = Vec::new();
    for response in 0..responses {
        own = args.iter().map(|arg| filled(arg, response)).collect::<Result<Vec<_>, _>>()?;
        results.push(compute(&own)?);
    }
    for (arg, own) in args.iter().zip(&own) {
        lazy::read_as(arg, own);
    }
    joined(results)
}

/// A value with a response in the place of each mark.
fn filled(value: &Value, response: usize) -> Result<Value, Error> {
    if !holds(value, 0)? {
        return Ok(value.clone());
    }
    let all = |items: Vec<Value>| items.iter().map(|item| filled(item, response)).collect::<Result<Vec<_>, _>>();
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            charge(size(text))?;
            let own = MARKS.with_borrow(|m| m.as_ref().map(|m| m.filled(text, response))).unwrap_or_default();
            Ok(Value::from(own))
        }
        ValueKind::Seq if fixed::is_tuple(value) => fixed::tuple(all(value.try_iter()?.collect())?),
        ValueKind::Seq => Ok(all(value.try_iter()?.collect())?.into()),
        ValueKind::Map if !value.is_kwargs() => {
            let pairs: Vec<_> = value.as_object().and_then(|dict| dict.try_iter_pairs()).ok_or_else(apart)?.collect();
            pairs.into_iter().map(|(key, item)| Ok((key, filled(&item, response)?))).collect()
        }
        ValueKind::Iterable => lazy::like(value, all(lazy::items(value).ok_or_else(apart)?)?),
        _ => Err(apart()),
    }
}

/// One value for what came of each response: the same, or marks in the places of texts that differ.
fn joined(values: Vec<Value>) -> Result<Value, Error> {
    let first = &values[0];
    charge_times(16, values.len())?;
    if values.iter().any(|v| v.kind() != first.kind() || v.is_safe() || v.is_kwargs()) {
        return Err(apart());
    }
    match first.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(first.clone()),
        ValueKind::Bool | ValueKind::Number => {
            let alike = |v: &Value| v == first && v.is_integer() == first.is_integer();
            values.iter().all(alike).then(|| first.clone()).ok_or_else(apart)
        }
        ValueKind::String => texts(&values),
        ValueKind::Seq if values.iter().all(|v| fixed::bounds(v).is_none()) => {
            let tuple = fixed::is_tuple(first);
            if values.iter().any(|v| fixed::is_tuple(v) != tuple) {
                return Err(apart());
            }
            let lists = values.iter().map(|v| v.try_iter().map(Iterator::collect)).collect::<Result<Vec<_>, _>>()?;
            let items = columns(lists)?;
            if tuple {
                fixed::tuple(items)
            } else {
                Ok(items.into())
            }
        }
        ValueKind::Map => {
            let dicts: Option<Vec<Vec<(Value, Value)>>> = values
                .iter()
                .map(|v| v.as_object().and_then(|dict| dict.try_iter_pairs()).map(Iterator::collect))
                .collect();
            let dicts = dicts.ok_or_else(apart)?;
            let keys: Vec<Value> = dicts[0].iter().map(|(key, _)| key.clone()).collect();
            if dicts.iter().any(|d| d.len() != keys.len() || d.iter().zip(&keys).any(|((key, _), other)| key != other))
            {
                return Err(apart());
            }
            let items = columns(dicts.into_iter().map(|d| d.into_iter().map(|(_, item)| item).collect()).collect())?;
            Ok(keys.into_iter().zip(items).collect())
        }
        ValueKind::Iterable => {
            let items = values.iter().map(lazy::items).collect::<Option<Vec<_>>>().ok_or_else(apart)?;
            lazy::like(first, columns(items)?)
        }
        _ => Err(apart()),
    }
}

/// One list for several that are equally long.
fn columns(lists: Vec<Vec<Value>>) -> Result<Vec<Value>, Error> {
    let length = lists[0].len();
    if lists.iter().any(|list| list.len() != length) {
        return Err(apart());
    }
    (0..length).map(|i| joined(lists.iter().map(|list| list[i].clone()).collect())).collect()
}

/// The text that all are, or a mark for those that differ. A template asks whether a text is empty without any
/// function, so of texts that differ none may be.
fn texts(values: &[Value]) -> Result<Value, Error> {
    let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    if texts.iter().all(|text| *text == texts[0]) {
        return Ok(values[0].clone());
    }
    if texts.iter().any(|text| text.is_empty()) {
        return Err(apart());
    }
    let bytes = texts.iter().map(|text| text.len() + 64).sum();
    charge(bytes)?;
    let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    MARKS.with_borrow_mut(|marks| {
        let marks = marks.as_mut().ok_or_else(apart)?;
        marks.kept += bytes;
        if marks.kept > KEPT {
            return Err(apart());
        }
        marks.longest.push(longest(&texts));
        marks.texts.push(texts);
        Ok(Value::from(numbered(marks.texts.len() - 1)))
    })
}

/// Tells whether an operator only carries its values, so that it does the same whatever the marks stand for.
pub fn carries(operator: &str, args: &[Value]) -> Result<bool, Error> {
    if !some() {
        return Ok(true);
    }
    let text = |v: &Value| v.kind() == ValueKind::String;
    let list = |v: &Value| v.kind() == ValueKind::Seq;
    Ok(match operator {
        "value " | "tuple " => true,
        "made " if args[0].kind() == ValueKind::Map => {
            args[0].try_iter()?.try_for_each(|key| plain(&key)).map(|()| true)?
        }
        "made " => true,
        "+ " => args.iter().all(|v| text(v) && !v.is_safe()) || args.iter().all(list),
        "~ " => args.iter().all(|v| text(v) || matches!(v.kind(), ValueKind::Number | ValueKind::Undefined)),
        "for " => !text(&args[0]),
        "[ " => !text(&args[0]) && !marked(&args[1])?,
        "[: " => list(&args[0]),
        _ => false,
    })
}

/// Tells whether a filter only carries what a list or dict holds.
pub fn carries_items(filter: &str, args: &[Value]) -> bool {
    let holds = |v: &Value| matches!(v.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable);
    matches!(filter, "list" | "first" | "last" | "reverse" | "length" | "count" | "items")
        && args.len() == 1
        && holds(&args[0])
}
