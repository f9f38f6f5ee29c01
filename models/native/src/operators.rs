//! Operators as Python has them. minijinja's own differ where Python refuses: an undefined value beside `+`, a loop
//! over none, a text that is smaller than a number.

use std::cmp::Ordering;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::budget::{charge, charge_times, charge_value, made, refusal, weigh};
use crate::{each, fixed};
use crate::print::text;

/// An operator, by the name under which a rewritten template calls it. No name of a template has a space.
pub const ALL: &[(&str, fn(&[Value]) -> Result<Value, Error>)] = &[
    ("+ ", |args| add(&args[0], &args[1])),
    ("- ", |args| arithmetic("-", &args[0], &args[1], i128::checked_sub, |a, b| a - b)),
    ("* ", |args| multiply(&args[0], &args[1])),
    ("/ ", |args| divide(&args[0], &args[1])),
    ("// ", |args| floor_divide(&args[0], &args[1])),
    ("% ", |args| modulo(&args[0], &args[1])),
    ("** ", |args| power(&args[0], &args[1])),
    ("~ ", |args| concat(&args[0], &args[1])),
    ("== ", |args| equal(&args[0], &args[1]).map(Value::from)),
    ("!= ", |args| equal(&args[0], &args[1]).map(|same| Value::from(!same))),
    ("< ", |args| order("<", &args[0], &args[1]).map(|by| Value::from(by == Some(Ordering::Less)))),
    ("> ", |args| order(">", &args[0], &args[1]).map(|by| Value::from(by == Some(Ordering::Greater)))),
    ("<= ", |args| order("<=", &args[0], &args[1]).map(|by| Value::from(by.is_some_and(Ordering::is_le)))),
    (">= ", |args| order(">=", &args[0], &args[1]).map(|by| Value::from(by.is_some_and(Ordering::is_ge)))),
    ("in ", |args| contains(&args[1], &args[0]).map(Value::from)),
    ("not in ", |args| contains(&args[1], &args[0]).map(|has| Value::from(!has))),
    ("[ ", |args| item(&args[0], &args[1])),
    ("[: ", |args| slice(args)),
    ("for ", |args| iterable(&args[0])),
    ("value ", |args| Ok(args[0].clone())),
    ("made ", |args| made(args[0].clone())),
    ("tuple ", |args| fixed::tuple(args[0].try_iter()?.collect())),
];

enum Number {
    Int(i128),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    match value.kind() {
        ValueKind::Bool => Some(Number::Int(i128::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok().map(Number::Int),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Number::Float),
        _ => None,
    }
}

fn float(number: &Number) -> f64 {
    match number {
        Number::Int(n) => *n as f64,
        Number::Float(x) => *x,
    }
}

fn int(n: i128) -> Value {
    i64::try_from(n).map_or_else(|_| Value::from(n), Value::from)
}

/// Python's name of a value's type, for the sentences of errors.
pub fn name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "an undefined value",
        ValueKind::None => "None",
        ValueKind::Bool => "a bool",
        ValueKind::Number if value.is_integer() => "an int",
        ValueKind::Number => "a float",
        ValueKind::String => "a str",
        ValueKind::Seq if fixed::is_tuple(value) => "a tuple",
        ValueKind::Seq if fixed::bounds(value).is_some() => "a range",
        ValueKind::Seq => "a list",
        ValueKind::Iterable => "a generator",
        ValueKind::Map => "a dict",
        _ => "an object",
    }
}

fn unsupported(op: &str, a: &Value, b: &Value) -> Error {
    refusal(format!("{op} cannot be used between {} and {}", name(a), name(b)))
}

fn arithmetic(
    op: &str,
    a: &Value,
    b: &Value,
    ints: impl Fn(i128, i128) -> Option<i128>,
    floats: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    match (number(a), number(b)) {
        (Some(Number::Int(x)), Some(Number::Int(y))) => {
            ints(x, y).map(int).ok_or_else(|| refusal(format!("{op}: the result is out of range")))
        }
        (Some(x), Some(y)) => Ok(Value::from(floats(float(&x), float(&y)))),
        _ => Err(unsupported(op, a, b)),
    }
}

fn is_list(value: &Value) -> bool {
    value.kind() == ValueKind::Seq
}

/// A text with HTML's marks escaped, as Python's markupsafe does; one that is safe stays.
pub fn escaped(value: &Value) -> Result<String, Error> {
    let plain = text(value)?;
    if value.is_safe() {
        return Ok(plain);
    }
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    charge(out.len())?;
    Ok(out)
}

pub fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(x), Some(y)) = (a.as_str(), b.as_str()) {
        if a.is_safe() || b.is_safe() {
            return Ok(Value::from_safe_string(escaped(a)? + &escaped(b)?));
        }
        charge(each::size(x) + each::size(y))?;
        return Ok(Value::from([x, y].concat()));
    }
    if is_list(a) && is_list(b) && name(a) == name(b) && fixed::bounds(a).is_none() {
        charge_value(a)?;
        charge_value(b)?;
        return alike(a, a.try_iter()?.chain(b.try_iter()?).collect());
    }
    arithmetic("+", a, b, i128::checked_add, |x, y| x + y)
}

/// Makes a list, or a tuple of a tuple's items.
fn alike(of: &Value, items: Vec<Value>) -> Result<Value, Error> {
    if fixed::is_tuple(of) {
        fixed::tuple(items)
    } else {
        made(items.into())
    }
}

fn multiply(a: &Value, b: &Value) -> Result<Value, Error> {
    for (many, times) in [(a, b), (b, a)] {
        let (Some(Number::Int(n)), true) =
            (number(times), many.as_str().is_some() || is_list(many) && fixed::bounds(many).is_none())
        else {
            continue;
        };
        let n = usize::try_from(n.max(0)).map_err(|_| refusal("*: the result is out of range"))?;
        if let Some(text) = many.as_str() {
            charge_times(text.len(), n)?;
            return Ok(Value::from(text.repeat(n)));
        }
        charge_times(32 * many.len().unwrap_or(0), n)?;
        let items: Vec<Value> = many.try_iter()?.collect();
        return alike(many, (0..n).flat_map(|_| items.iter().cloned()).collect());
    }
    arithmetic("*", a, b, i128::checked_mul, |x, y| x * y)
}

fn nonzero(op: &str, b: &Value) -> Result<(), Error> {
    match number(b) {
        Some(n) if float(&n) == 0.0 => Err(refusal(format!("{op}: division by zero"))),
        _ => Ok(()),
    }
}

fn divide(a: &Value, b: &Value) -> Result<Value, Error> {
    nonzero("/", b)?;
    match (number(a), number(b)) {
        (Some(x), Some(y)) => Ok(Value::from(float(&x) / float(&y))),
        _ => Err(unsupported("/", a, b)),
    }
}

/// Python's `//`, which rounds down.
fn floor_divide(a: &Value, b: &Value) -> Result<Value, Error> {
    nonzero("//", b)?;
    let down = |x: i128, y: i128| Some(x.checked_div(y)? - i128::from(x % y != 0 && (x < 0) != (y < 0)));
    arithmetic("//", a, b, down, |x, y| (x / y).floor())
}

/// Python's `%` of numbers, whose sign is the divisor's. Texts are not formatted.
pub fn modulo(a: &Value, b: &Value) -> Result<Value, Error> {
    if let Some(text) = a.as_str() {
        let nothing = b.kind() == ValueKind::Map
            || matches!(name(b), "a list" | "a range")
            || fixed::is_tuple(b) && b.len() == Some(0);
        return if nothing && !text.contains('%') {
            Ok(a.clone())
        } else {
            Err(refusal("%: formatting a text with % is not supported"))
        };
    }
    nonzero("%", b)?;
    let rest = |x: i128, y: i128| x.checked_rem(y).map(|r| if r != 0 && (r < 0) != (y < 0) { r + y } else { r });
    arithmetic("%", a, b, rest, |x, y| x - y * (x / y).floor())
}

fn power(a: &Value, b: &Value) -> Result<Value, Error> {
    match (number(a), number(b)) {
        (Some(Number::Int(x)), Some(Number::Int(y @ 0..))) => {
            let power = u32::try_from(y).ok().and_then(|y| x.checked_pow(y));
            power.map(int).ok_or_else(|| refusal("**: the result is out of range"))
        }
        (Some(x), Some(y)) => Ok(Value::from(float(&x).powf(float(&y)))),
        _ => Err(unsupported("**", a, b)),
    }
}

fn concat(a: &Value, b: &Value) -> Result<Value, Error> {
    let (mut out, more) = (text(a)?, text(b)?);
    out.push_str(&more);
    Ok(Value::from(out))
}

fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    weigh(a)?;
    weigh(b)?;
    Ok(a == b)
}

pub fn order(op: &str, a: &Value, b: &Value) -> Result<Option<Ordering>, Error> {
    weigh(a)?;
    weigh(b)?;
    match (number(a), number(b)) {
        (Some(Number::Int(x)), Some(Number::Int(y))) => Ok(Some(x.cmp(&y))),
        (Some(x), Some(y)) => Ok(float(&x).partial_cmp(&float(&y))),
        _ if a.as_str().is_some() && b.as_str().is_some() => Ok(Some(a.cmp(b))),
        _ if is_list(a) && name(a) == name(b) && fixed::bounds(a).is_none() => lists(op, a, b).map(Some),
        _ => Err(unsupported(op, a, b)),
    }
}

/// Two lists by their first items that differ.
fn lists(op: &str, a: &Value, b: &Value) -> Result<Ordering, Error> {
    for (x, y) in a.try_iter()?.zip(b.try_iter()?) {
        if x != y {
            return Ok(order(op, &x, &y)?.unwrap_or(Ordering::Equal));
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// Tells whether a value may be looked for in a dict: lists and dicts may not.
fn hashable(value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Map => Err(refusal("a dict is not hashable")),
        ValueKind::Seq if fixed::is_tuple(value) => value.try_iter()?.try_for_each(|item| hashable(&item)),
        ValueKind::Seq if fixed::bounds(value).is_none() => Err(refusal("a list is not hashable")),
        _ => Ok(()),
    }
}

fn contains(whole: &Value, part: &Value) -> Result<bool, Error> {
    weigh(part)?;
    if is_list(whole) {
        weigh(whole)?;
    } else {
        charge_value(whole)?;
    }
    match whole.kind() {
        ValueKind::Undefined => Ok(false),
        ValueKind::String => match part.as_str() {
            Some(part) => Ok(whole.as_str().unwrap_or_default().contains(part)),
            None => Err(unsupported("in", part, whole)),
        },
        ValueKind::Map => hashable(part).map(|()| whole.as_object().is_some_and(|dict| dict.get_value(part).is_some())),
        ValueKind::Seq | ValueKind::Iterable => Ok(whole.try_iter()?.any(|item| item == *part)),
        _ => Err(unsupported("in", part, whole)),
    }
}

/// `object[key]`: undefined where there is nothing, refused on what is undefined itself.
fn item(object: &Value, key: &Value) -> Result<Value, Error> {
    if object.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "an undefined value has no items"));
    }
    weigh(key)?;
    if object.as_str().is_some() {
        charge_value(object)?;
        if !matches!(number(key), Some(Number::Int(_))) {
            return Ok(Value::UNDEFINED);
        }
    }
    if object.kind() == ValueKind::Iterable {
        return Ok(Value::UNDEFINED);
    }
    object.get_item(key)
}

/// `object[start:stop:step]` of a text, by characters, or of a list.
fn slice(args: &[Value]) -> Result<Value, Error> {
    let object = &args[0];
    if object.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "an undefined value cannot be sliced"));
    }
    if object.as_str().is_none() && !is_list(object) {
        return Err(refusal(format!("{} cannot be sliced", name(object))));
    }
    charge_value(object)?;
    let mut bounds = [None; 3];
    for (bound, given) in bounds.iter_mut().zip(&args[1..]) {
        *bound = match number(given) {
            Some(Number::Int(n)) => Some(n.clamp(-(1 << 62), 1 << 62) as i64),
            None if given.is_none() => None,
            _ => return Err(refusal(format!("{} is no bound of a slice", name(given)))),
        };
    }
    if bounds[2] == Some(0) {
        return Err(refusal("a slice's step is zero"));
    }
    if let Some(text) = object.as_str() {
        let chars: Vec<char> = text.chars().collect();
        charge_times(4, chars.len())?;
        return Ok(Value::from(places(chars.len(), bounds).map(|i| chars[i]).collect::<String>()));
    }
    let items: Vec<Value> = object.try_iter()?.collect();
    if let Some([start, _, step]) = fixed::bounds(object) {
        let [first, last, by] = indices(items.len(), bounds);
        return fixed::range(start + first * step, start + last * step, step * by);
    }
    alike(object, places(items.len(), bounds).map(|i| items[i].clone()).collect())
}

/// Where a slice of so many places begins and ends, and its step: Python's slice.indices.
fn indices(len: usize, [start, stop, step]: [Option<i64>; 3]) -> [i64; 3] {
    let (len, step) = (len as i64, step.unwrap_or(1));
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let place = |bound: Option<i64>, otherwise: i64| {
        bound.map_or(otherwise, |at| if at < 0 { (at + len).max(low) } else { at.min(high) })
    };
    if step > 0 {
        [place(start, low), place(stop, high), step]
    } else {
        [place(start, high), place(stop, low), step]
    }
}

/// The places that a slice takes.
fn places(len: usize, bounds: [Option<i64>; 3]) -> impl Iterator<Item = usize> {
    let [mut at, last, step] = indices(len, bounds);
    std::iter::from_fn(move || {
        let here = at;
        let inside = if step > 0 { here < last } else { here > last };
        at = at.saturating_add(step);
        inside.then_some(here as usize)
    })
}

/// What a loop goes over: a list, a dict's keys, a text's characters, or nothing of an undefined value.
pub fn iterable(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            charge_times(32, text.len())?;
            Ok(text.chars().map(Value::from).collect::<Vec<_>>().into())
        }
        ValueKind::Undefined | ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            charge_value(value)?;
            Ok(value.clone())
        }
        _ => Err(refusal(format!("{} cannot be looped over", name(value)))),
    }
}
