//! Jinja's filters of texts and lists, after Jinja2 3.1.6 (`jinja2/filters.py`).

use minijinja::value::{Value, ValueKind};
use minijinja::{filters, Error};

use crate::arguments::Arguments;
use crate::budget::{charge, charge_times, made, refusal};
use crate::operators::{self, iterable};
use crate::print::text;
use crate::{fixed, lazy, strings};

pub fn first(args: &[Value]) -> Result<Value, Error> {
    Ok(iterable(&one(args)?)?.try_iter()?.next().unwrap_or(Value::UNDEFINED))
}

pub fn last(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    if value.kind() == ValueKind::Iterable && value.len().is_none() {
        return Err(refusal("a generator has no last item"));
    }
    Ok(iterable(&value)?.try_iter()?.last().unwrap_or(Value::UNDEFINED))
}

pub fn items(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    match value.kind() {
        ValueKind::Undefined => lazy::generator(Vec::new()),
        ValueKind::Map => lazy::generator(fixed::pairs(&filters::items(&value)?)?),
        _ => Err(refusal(format!("items of {}", operators::name(&value)))),
    }
}

/// An attribute that is no item: texts, lists and dicts have none but methods.
pub fn attr(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("attr", args, &["value", "name"], 2)?;
    match args[0].kind() {
        ValueKind::Undefined => Err(refusal(format!("an undefined value has no attribute {}", given.needed(1)?))),
        ValueKind::Plain => args[0].get_attr(given.needed(1)?),
        _ => Ok(Value::UNDEFINED),
    }
}

pub fn one(args: &[Value]) -> Result<Value, Error> {
    match args {
        [value] => Ok(value.clone()),
        _ => Err(refusal("the filter takes no arguments")),
    }
}

pub fn only(args: &[Value]) -> Result<String, Error> {
    text(&one(args)?)
}

pub fn listed(value: &Value) -> Result<Value, Error> {
    made(iterable(value)?.try_iter()?.collect::<Vec<_>>().into())
}

pub fn trim(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("trim", args, &["value", "chars"], 0)?;
    Ok(like(&args[0], strings::strip(&text(&args[0])?, given.string(1)?, true, true)))
}

/// A text that is safe where the value is, as Python's methods of Markup give Markup.
pub fn like(value: &Value, text: impl Into<String>) -> Value {
    if value.is_safe() {
        Value::from_safe_string(text.into())
    } else {
        Value::from(text.into())
    }
}

pub fn title(s: &str) -> String {
    let (mut out, mut inside) = (String::with_capacity(s.len()), false);
    for c in s.chars() {
        let between = strings::is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<');
        match (between, inside) {
            (false, false) => out.extend(c.to_uppercase()),
            (false, true) => out.extend(c.to_lowercase()),
            (true, _) => out.push(c),
        }
        inside = !between;
    }
    out
}

pub fn replace(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("replace", args, &["s", "old", "new", "count"], 0)?;
    let (old, new) = (given.text(1, "None")?, given.text(2, "None")?);
    Ok(Value::from(strings::replace(&text(&args[0])?, &old, &new, given.count(3, -1)?)?))
}

pub fn indent(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("indent", args, &["s", "width", "first", "blank"], 0)?;
    let by = match given.get(1) {
        Some(width) if width.as_str().is_some() => width.to_string(),
        _ => " ".repeat(given.count(1, 4)?.clamp(0, 1000) as usize),
    };
    if args[0].as_str().is_none() {
        return Err(refusal(format!("indent of {}", operators::name(&args[0]))));
    }
    let (first, blank) = (given.get(2).is_some_and(Value::is_true), given.get(3).is_some_and(Value::is_true));
    let s = text(&args[0])? + "\n";
    let lines = strings::lines(&s, false);
    charge_times(by.len() + 1, lines.len())?;
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if i == 0 && first || i > 0 && (blank || !line.is_empty()) {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

pub fn length(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    match value.kind() {
        ValueKind::Undefined => Ok(Value::from(0)),
        ValueKind::String => Ok(Value::from(value.as_str().unwrap_or_default().chars().count())),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if value.len().is_some() => Ok(Value::from(value.len())),
        _ => Err(refusal(format!("{} has no length", operators::name(&value)))),
    }
}

pub fn reverse(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    if let Some(s) = value.as_str() {
        return Ok(Value::from(s.chars().rev().collect::<String>()));
    }
    let items: Vec<Value> = iterable(&value)?.try_iter()?.collect();
    lazy::generator(items.into_iter().rev().collect())
}

pub fn center(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("center", args, &["value", "width"], 0)?;
    let s = text(&args[0])?;
    let (have, width) = (s.chars().count(), given.count(1, 80)?.clamp(0, 10_000) as usize);
    let space = width.saturating_sub(have);
    let left = space / 2 + (space & width & 1);
    charge(width)?;
    Ok(Value::from(format!("{}{s}{}", " ".repeat(left), " ".repeat(space - left))))
}
