//! Values as Python writes them: `str(value)`, which is what `{{ value }}` and `~` give, and `repr(value)`.

use std::fmt::Write;

use minijinja::value::{Value, ValueKind};
use minijinja::Error;

use crate::budget::{charge, refusal, DEPTH};
use crate::each;
use crate::fixed::{bounds, is_tuple};
use crate::lazy::view_of;
use crate::operators::name;

/// Python's `str(value)`, with an undefined value as Jinja writes it: as nothing.
pub fn text(value: &Value) -> Result<String, Error> {
    let out = match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        _ => {
            let mut out = String::new();
            repr(&mut out, value, 0)?;
            out
        }
    };
    charge(each::size(&out))?;
    Ok(out)
}

fn repr(out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(refusal(format!("a list or dict is nested more than {DEPTH} deep")));
    }
    charge(16)?;
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => number(out, value),
        ValueKind::String => quoted(out, value.as_str().unwrap_or_default())?,
        ValueKind::Map => {
            out.push('{');
            for (i, key) in value.try_iter()?.enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                repr(out, &key, depth + 1)?;
                out.push_str(": ");
                repr(out, &value.get_item(&key)?, depth + 1)?;
            }
            out.push('}');
        }
        ValueKind::Seq if bounds(value).is_some() => {
            let [start, stop, step] = bounds(value).unwrap_or_default();
            let step = if step == 1 { String::new() } else { format!(", {step}") };
            write!(out, "range({start}, {stop}{step})").expect("a string can be written to");
        }
        ValueKind::Seq => {
            let tuple = is_tuple(value);
            out.push(if tuple { '(' } else { '[' });
            for (i, item) in value.try_iter()?.enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                repr(out, &item, depth + 1)?;
            }
            if tuple && value.len() == Some(1) {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        ValueKind::Iterable if view_of(value).is_some() => {
            out.push_str(view_of(value).unwrap_or_default());
            out.push('(');
            repr(out, &value.try_iter()?.collect::<Vec<_>>().into(), depth + 1)?;
            out.push(')');
        }
        _ => return Err(refusal(format!("{} cannot be written as text", name(value)))),
    }
    Ok(())
}

/// A number as Python's repr: whole numbers plainly, others by the shortest digits that give the same double.
pub fn number(out: &mut String, value: &Value) {
    match (value.is_integer(), f64::try_from(value.clone())) {
        (false, Ok(float)) => out.push_str(&float_repr(float, "inf", "nan")),
        _ => write!(out, "{value}").expect("a string can be written to"),
    }
}

/// Python's repr of a double. Exponents are written from 1e16 on and below 1e-4, with two digits at least.
pub fn float_repr(float: f64, infinite: &str, nan: &str) -> String {
    if float.is_nan() {
        return nan.to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { infinite.to_owned() } else { format!("-{infinite}") };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').expect("Rust writes an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if float != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{float}");
    if plain.contains('.') {
        plain
    } else {
        plain + ".0"
    }
}

/// A string as Python's repr quotes it: by ' unless it has a ' and no ".
fn quoted(out: &mut String, text: &str) -> Result<(), Error> {
    charge(text.len())?;
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            c if printable(c) => out.push(c),
            c if (c as u32) < 0x100 => write!(out, "\\x{:02x}", c as u32).expect("a string can be written to"),
            c if (c as u32) < 0x10000 => write!(out, "\\u{:04x}", c as u32).expect("a string can be written to"),
            c => write!(out, "\\U{:08x}", c as u32).expect("a string can be written to"),
        }
    }
    out.push(quote);
    Ok(())
}

/// Python's str.isprintable for what is not ASCII, by Rust's own table of what can be shown.
fn printable(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    !(c.is_control() || c.is_whitespace() || hidden || private)
}
