//! Jinja's filters of numbers, after Jinja2 3.1.6 (`jinja2/filters.py`) and Python's `int`, `float` and `round`.

use minijinja::value::{Value, ValueKind};
use minijinja::{filters, Error};

use crate::arguments::Arguments;
use crate::budget::refusal;
use crate::filters::one;
use crate::operators::{self, iterable};
use crate::strings;

/// Python's int of a text: digits with a sign, with single underscores between them and white space around.
fn parse_int(s: &str) -> Option<i128> {
    let s = strings::strip(s, None, true, true);
    let digits = s.trim_start_matches(['+', '-']);
    let whole = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    (s.len() <= digits.len() + 1 && whole).then(|| s.replace('_', "").parse().ok()).flatten()
}

fn parse_float(s: &str) -> Option<f64> {
    let s = strings::strip(s, None, true, true);
    s.parse().ok().filter(|_| !s.is_empty())
}

pub fn int(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("int", args, &["value", "default"], 0)?;
    let value = &args[0];
    let parsed = match value.kind() {
        ValueKind::Undefined => return Err(refusal("int of an undefined value")),
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => return Ok(value.clone()),
        ValueKind::Number => f64::try_from(value.clone()).ok().filter(|x| x.is_finite()).map(|x| x.trunc() as i128),
        ValueKind::String => {
            let s = value.as_str().unwrap_or_default();
            parse_int(s).or_else(|| parse_float(s).filter(|x| x.is_finite()).map(|x| x.trunc() as i128))
        }
        _ => None,
    };
    Ok(match parsed {
        Some(n) => i64::try_from(n).map_or_else(|_| Value::from(n), Value::from),
        None => given.get(1).cloned().unwrap_or_else(|| Value::from(0)),
    })
}

pub fn float(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("float", args, &["value", "default"], 0)?;
    let parsed = match args[0].kind() {
        ValueKind::Undefined => return Err(refusal("float of an undefined value")),
        ValueKind::Bool => Some(f64::from(u8::from(args[0].is_true()))),
        ValueKind::Number => f64::try_from(args[0].clone()).ok(),
        ValueKind::String => parse_float(args[0].as_str().unwrap_or_default()),
        _ => None,
    };
    Ok(parsed.map_or_else(|| given.get(1).cloned().unwrap_or_else(|| Value::from(0.0)), Value::from))
}

pub fn round(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("round", args, &["value", "precision", "method"], 1)?;
    let places = given.count(1, 0)?;
    let (value, method) = (&whole(&args[0]), given.text(2, "common")?);
    if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) || !(0..=15).contains(&places) {
        return Err(refusal("round takes a number and 0 to 15 places"));
    }
    if value.is_integer() && method == "common" {
        return Ok(value.clone());
    }
    let x = f64::try_from(value.clone())?;
    let by = 10f64.powi(places as i32);
    Ok(Value::from(match method.as_str() {
        "common" => format!("{x:.*}", places as usize).parse().unwrap_or(x),
        "ceil" => (x * by).ceil() / by,
        "floor" => (x * by).floor() / by,
        _ => return Err(refusal("round: method is common, ceil or floor")),
    }))
}

/// A bool as the number that it is in Python; other values stay.
fn whole(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        _ => value.clone(),
    }
}

pub fn abs(args: &[Value]) -> Result<Value, Error> {
    let value = whole(&one(args)?);
    match value.kind() {
        ValueKind::Number => filters::abs(value),
        _ => Err(refusal(format!("abs of {}", operators::name(&value)))),
    }
}

pub fn sum(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("sum", args, &["iterable", "attribute", "start"], 0)?;
    let mut total = given.get(2).cloned().unwrap_or_else(|| Value::from(0));
    for item in iterable(&args[0])?.try_iter()? {
        let item = match given.get(1) {
            Some(attribute) => item.get_item(attribute)?,
            None => item,
        };
        if item.as_str().is_some() {
            return Err(refusal("sum goes over no texts"));
        }
        total = operators::add(&total, &item)?;
    }
    Ok(total)
}
