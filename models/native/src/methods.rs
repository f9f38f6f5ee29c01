//! Methods of texts, dicts and lists, as Python has them. Those that would change a list or dict are refused, as
//! Jinja's immutable sandbox does.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::arguments::Arguments;
use crate::budget::{charge_value, refusal, weigh};
use crate::each;
use crate::fixed::tuple;
use crate::lazy::view;
use crate::strings;

/// Calls a method by name. Those of dicts carry what they hold.
pub fn call(_: &State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map {
        args.iter().take(1).try_for_each(each::plain)?;
        return one(value, method, args);
    }
    let all: Vec<Value> = [value].into_iter().chain(args).cloned().collect();
    each::read(&all, |all| one(&all[0], method, &all[1..]))
}

fn one(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    args.iter().try_for_each(weigh)?;
    let found = match value.kind() {
        ValueKind::String => strings::call(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Map => dict(value, method, args)?,
        ValueKind::Seq | ValueKind::Iterable => list(value, method, args)?,
        _ => None,
    };
    found.ok_or_else(|| Error::from(ErrorKind::UnknownMethod))
}

fn dict(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let Some(object) = value.as_object() else { return Ok(None) };
    charge_value(value)?;
    let pairs = object.try_iter_pairs().into_iter().flatten();
    let items: Vec<Value> = match method {
        "get" => {
            let given = Arguments::new("get", args, &["key", "default"], 0)?;
            let key = args.first().cloned().unwrap_or_default();
            let default = given.get(1).cloned().unwrap_or_else(|| Value::from(()));
            return Ok(Some(object.get_value(&key).unwrap_or(default)));
        }
        "keys" => pairs.map(|(key, _)| key).collect(),
        "values" => pairs.map(|(_, value)| value).collect(),
        "items" => pairs.map(|(key, value)| tuple(vec![key, value])).collect::<Result<_, _>>()?,
        _ => return Ok(None),
    };
    Arguments::new("the method", args, &[], 0)?;
    view(format!("dict_{method}"), items).map(Some)
}

fn list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    weigh(value)?;
    match (method, args) {
        ("count", [item]) => Ok(Some(Value::from(value.try_iter()?.filter(|one| one == item).count()))),
        ("index", [item]) => match value.try_iter()?.position(|one| one == *item) {
            Some(at) => Ok(Some(Value::from(at))),
            None => Err(refusal("index: the item is not in the list")),
        },
        _ => Ok(None),
    }
}
