//! Jinja's filters, tests and functions. Where minijinja has one that does the same it is taken, with what it reads and makes
//! charged to the rendering; the others are written here after Jinja2 3.1.6 (`jinja2/filters.py`, `jinja2/tests.py`).
//! What Jinja2 does not have is taken out, so that a template of another dialect is refused and not guessed at.

use minijinja::value::{from_args, Kwargs, Object, Rest, Value, ValueKind};
use minijinja::{filters, functions, Environment, Error, State};

use crate::arguments::Arguments;
use crate::budget::{charge, charge_times, charge_value, made, refusal};
use crate::operators::{self, iterable};
use crate::print::text;
use crate::strings;
use crate::{date, fixed, json, lazy, methods};

/// A function of the engine, which gets the arguments as they are.
#[derive(Debug)]
struct Native(fn(&[Value]) -> Result<Value, Error>);

impl Object for Native {
    fn repr(self: &std::sync::Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn call(self: &std::sync::Arc<Self>, _: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.0)(args)
    }
}

/// Puts into an environment all that a template may use, and nothing else.
pub fn furnish(env: &mut Environment<'static>) {
    for name in ["split", "lines", "bool", "chain", "zip", "pprint", "format"] {
        env.remove_filter(name);
    }
    for name in ["startingwith", "endingwith", "safe", "escaped", "int"] {
        env.remove_test(name);
    }
    env.remove_global("debug");
    env.add_global("self", Value::from_serialize(std::collections::BTreeMap::<&str, &str>::new())); // has the blocks, of which there are none
    for (name, operator) in operators::ALL {
        env.add_global(*name, Value::from_object(Native(*operator)));
    }
    let written: &[(&'static str, fn(&[Value]) -> Result<Value, Error>)] = &[
        ("tojson", json::tojson),
        ("trim", trim),
        ("upper", |args| Ok(Value::from(only(args)?.to_uppercase()))),
        ("lower", |args| Ok(Value::from(only(args)?.to_lowercase()))),
        ("title", |args| Ok(Value::from(title(&only(args)?)))),
        ("capitalize", |args| Ok(Value::from(strings::capitalize(&only(args)?)))),
        ("string", |args| one(args).and_then(|v| Ok(like(&v, text(&v)?)))),
        ("safe", |args| only(args).map(Value::from_safe_string)),
        ("escape", |args| one(args).and_then(|v| operators::escaped(&v)).map(Value::from_safe_string)),
        ("e", |args| one(args).and_then(|v| operators::escaped(&v)).map(Value::from_safe_string)),
        ("replace", replace),
        ("indent", indent),
        ("length", length),
        ("count", length),
        ("list", |args| listed(&one(args)?)),
        ("reverse", reverse),
        ("int", int),
        ("float", float),
        ("round", round),
        ("abs", abs),
        ("sum", sum),
        ("center", center),
        ("first", first),
        ("last", last),
        ("items", items),
        ("attr", attr),
    ];
    for (name, filter) in written {
        let filter = *filter;
        env.add_filter(*name, move |_: &State, args: Rest<Value>| {
            charge_all(&args)?;
            let out = filter(&args)?;
            charge_value(&out)?;
            Ok::<_, Error>(out)
        });
    }
    for (name, filter) in [
        ("map", Value::from_function(filters::map)),
        ("reject", Value::from_function(filters::reject)),
        ("rejectattr", Value::from_function(filters::rejectattr)),
        ("select", Value::from_function(filters::select)),
        ("selectattr", Value::from_function(filters::selectattr)),
    ] {
        env.add_filter(name, move |state: &State, args: Rest<Value>| match args.first() {
            Some(list) if !list.is_true() => lazy::generator(Vec::new()), // Jinja reads nothing of what is false, none too
            _ => over_list(state, &filter, &args).and_then(generated),
        });
    }
    for (name, filter) in [
        ("batch", Value::from_function(filters::batch)),
        ("slice", Value::from_function(filters::slice)),
        ("unique", Value::from_function(filters::unique)),
    ] {
        env.add_filter(name, move |state: &State, args: Rest<Value>| over_list(state, &filter, &args).and_then(generated));
    }
    for (name, filter) in [
        ("groupby", Value::from_function(filters::groupby)),
        ("sort", Value::from_function(filters::sort)),
    ] {
        env.add_filter(name, move |state: &State, args: Rest<Value>| {
            comparable(state, &args)?;
            over_list(state, &filter, &args).and_then(settle)
        });
    }
    let dictsort = Value::from_function(filters::dictsort);
    env.add_filter("dictsort", move |state: &State, args: Rest<Value>| {
        let sorted = over_list(state, &dictsort, &args)?;
        made(fixed::pairs(&sorted)?.into())
    });
    env.add_filter("join", join);
    env.add_filter("max", |state: &State, list: &Value| last(&[state.apply_filter("sort", &[list.clone()])?]));
    env.add_filter("min", |state: &State, list: &Value| first(&[state.apply_filter("sort", &[list.clone()])?]));
    env.add_test("iterable", |v: &Value| !matches!(v.kind(), ValueKind::None | ValueKind::Bool | ValueKind::Number));
    env.add_test("sequence", |v: &Value| matches!(v.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined));
    env.add_test("number", |v: &Value| matches!(v.kind(), ValueKind::Number | ValueKind::Bool));
    env.add_test("lower", |v: &Value| Ok::<_, Error>(strings::is_lower(&text(v)?)));
    env.add_test("upper", |v: &Value| Ok::<_, Error>(strings::is_upper(&text(v)?)));
    env.add_test("odd", |v: &Value| rest(v, &Value::from(2)));
    env.add_test("even", |v: &Value| rest(v, &Value::from(2)).map(|odd| !odd));
    env.add_test("divisibleby", |v: &Value, by: &Value| rest(v, by).map(|over| !over));
    env.add_test("callable", |v: &Value| matches!(v.kind(), ValueKind::Plain | ValueKind::Undefined));
    for (name, make) in [
        ("range", Value::from_object(Native(range))),
        ("dict", Value::from_function(functions::dict)),
        ("namespace", Value::from_function(functions::namespace)),
    ] {
        env.add_function(name, move |state: &State, args: Rest<Value>| settle(make.call(state, &args)?));
    }
    env.add_function("strftime_now", date::strftime_now);
    env.add_function("raise_exception", crate::template::raise);
    env.set_unknown_method_callback(methods::call);
}

fn charge_all(args: &[Value]) -> Result<(), Error> {
    args.iter().try_for_each(charge_value)
}

/// Makes a list of what would be computed when it is read, and charges it.
fn settle(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Iterable => made(value.try_iter()?.collect::<Vec<_>>().into()),
        ValueKind::String => charge_value(&value).map(|()| value),
        _ => made(value),
    }
}

/// Applies a filter of minijinja's that goes over a list.
fn over_list(state: &State, filter: &Value, args: &[Value]) -> Result<Value, Error> {
    charge_all(args)?;
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut().filter(|v| v.kind() != ValueKind::Map) {
        *first = iterable(first)?;
    }
    if args[1..].iter().any(|v| v.as_i64().is_some_and(|n| n > 10_000)) {
        return Err(refusal("a filter's number is over 10000"));
    }
    filter.call(state, &args)
}

fn generated(value: Value) -> Result<Value, Error> {
    lazy::generator(value.try_iter()?.collect())
}

/// Refuses to sort what Python cannot compare, by the attribute where one is named.
fn comparable(state: &State, args: &[Value]) -> Result<(), Error> {
    let (Rest(positional), kwargs): (Rest<Value>, Kwargs) = from_args(args)?;
    let by = positional.get(1).filter(|v| v.as_str().is_some()).cloned().or_else(|| kwargs.peek("attribute").ok());
    let list = iterable(positional.first().unwrap_or(&Value::UNDEFINED))?;
    let mut items: Vec<Value> = list.try_iter()?.collect();
    if let Some(by) = by.filter(|by| !by.is_none()) {
        let by = Value::from(Kwargs::from_iter([("attribute", by)]));
        items = state.apply_filter("map", &[items.into(), by])?.try_iter()?.collect();
    }
    items.windows(2).try_for_each(|pair| operators::order("<", &pair[0], &pair[1]).map(drop))
}

fn first(args: &[Value]) -> Result<Value, Error> {
    Ok(iterable(&one(args)?)?.try_iter()?.next().unwrap_or(Value::UNDEFINED))
}

fn last(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    if value.kind() == ValueKind::Iterable && value.len().is_none() {
        return Err(refusal("a generator has no last item"));
    }
    Ok(iterable(&value)?.try_iter()?.last().unwrap_or(Value::UNDEFINED))
}

fn items(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    match value.kind() {
        ValueKind::Undefined => lazy::generator(Vec::new()),
        ValueKind::Map => lazy::generator(fixed::pairs(&filters::items(&value)?)?),
        _ => Err(refusal(format!("items of {}", operators::name(&value)))),
    }
}

/// An attribute that is no item: texts, lists and dicts have none but methods.
fn attr(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("attr", args, &["value", "name"], 2)?;
    match args[0].kind() {
        ValueKind::Undefined => Err(refusal(format!("an undefined value has no attribute {}", given.needed(1)?))),
        ValueKind::Plain => args[0].get_attr(given.needed(1)?),
        _ => Ok(Value::UNDEFINED),
    }
}

/// The rest that a number leaves, for the tests odd, even and divisibleby.
fn rest(value: &Value, by: &Value) -> Result<bool, Error> {
    operators::modulo(value, by).map(|rest| rest.is_true())
}

fn range(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("range", args, &["start", "stop", "step"], 1)?;
    match given.get(1) {
        None => fixed::range(0, given.count(0, 0)?, 1),
        Some(_) => fixed::range(given.count(0, 0)?, given.count(1, 0)?, given.count(2, 1)?),
    }
}

fn one(args: &[Value]) -> Result<Value, Error> {
    match args {
        [value] => Ok(value.clone()),
        _ => Err(refusal("the filter takes no arguments")),
    }
}

fn only(args: &[Value]) -> Result<String, Error> {
    text(&one(args)?)
}

fn listed(value: &Value) -> Result<Value, Error> {
    made(iterable(value)?.try_iter()?.collect::<Vec<_>>().into())
}

fn trim(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("trim", args, &["value", "chars"], 0)?;
    Ok(like(&args[0], strings::strip(&text(&args[0])?, given.string(1)?, true, true)))
}

/// A text that is safe where the value is, as Python's methods of Markup give Markup.
fn like(value: &Value, text: impl Into<String>) -> Value {
    if value.is_safe() {
        Value::from_safe_string(text.into())
    } else {
        Value::from(text.into())
    }
}

fn title(s: &str) -> String {
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

fn replace(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("replace", args, &["s", "old", "new", "count"], 0)?;
    let (old, new) = (given.text(1, "None")?, given.text(2, "None")?);
    Ok(Value::from(strings::replace(&text(&args[0])?, &old, &new, given.count(3, -1)?)?))
}

fn indent(args: &[Value]) -> Result<Value, Error> {
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

fn length(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    match value.kind() {
        ValueKind::Undefined => Ok(Value::from(0)),
        ValueKind::String => Ok(Value::from(value.as_str().unwrap_or_default().chars().count())),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if value.len().is_some() => Ok(Value::from(value.len())),
        _ => Err(refusal(format!("{} has no length", operators::name(&value)))),
    }
}

fn reverse(args: &[Value]) -> Result<Value, Error> {
    let value = one(args)?;
    if let Some(s) = value.as_str() {
        return Ok(Value::from(s.chars().rev().collect::<String>()));
    }
    let items: Vec<Value> = iterable(&value)?.try_iter()?.collect();
    lazy::generator(items.into_iter().rev().collect())
}

fn join(state: &State, args: Rest<Value>) -> Result<Value, Error> {
    let given = Arguments::new("join", &args, &["value", "d", "attribute"], 0)?;
    let mut items = iterable(&args[0])?;
    if let Some(attribute) = given.get(2) {
        let by = Kwargs::from_iter([("attribute", attribute.clone())]);
        items = state.apply_filter("map", &[items, Value::from(by)])?;
    }
    Ok(Value::from(strings::join(&items, &given.text(1, "")?)?))
}

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

fn int(args: &[Value]) -> Result<Value, Error> {
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

fn float(args: &[Value]) -> Result<Value, Error> {
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

fn round(args: &[Value]) -> Result<Value, Error> {
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

fn abs(args: &[Value]) -> Result<Value, Error> {
    let value = whole(&one(args)?);
    match value.kind() {
        ValueKind::Number => filters::abs(value),
        _ => Err(refusal(format!("abs of {}", operators::name(&value)))),
    }
}

fn sum(args: &[Value]) -> Result<Value, Error> {
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

fn center(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("center", args, &["value", "width"], 0)?;
    let s = text(&args[0])?;
    let (have, width) = (s.chars().count(), given.count(1, 80)?.clamp(0, 10_000) as usize);
    let space = width.saturating_sub(have);
    let left = space / 2 + (space & width & 1);
    charge(width)?;
    Ok(Value::from(format!("{}{s}{}", " ".repeat(left), " ".repeat(space - left))))
}
