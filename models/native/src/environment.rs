//! What a template may use: Jinja's filters, tests and functions, and nothing else. Where minijinja has one that does
//! the same it is taken, with what it reads and makes charged to the rendering. What Jinja2 does not have is taken out,
//! so that a template of another dialect is refused and not guessed at.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{from_args, Kwargs, Object, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{filters, functions, tests, Environment, Error, State};

use crate::arguments::Arguments;
use crate::budget::{charge_value, made, refusal, weigh};
use crate::filters::{
    attr, center, first, indent, items, last, length, like, listed, one, only, replace, reverse, title, trim,
};
use crate::numbers::{abs, float, int, round, sum};
use crate::operators::{self, iterable};
use crate::print::text;
use crate::{date, each, fixed, json, lazy, methods, strings};

/// A function of the engine by its name, which gets the arguments as they are.
#[derive(Debug)]
struct Native(&'static str, fn(&[Value]) -> Result<Value, Error>);

impl Object for Native {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if each::carries(self.0, args)? {
            return (self.1)(args);
        }
        each::read(args, self.1)
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
    env.add_global("self", Value::from_serialize(BTreeMap::<&str, &str>::new())); // the blocks, of which there are none
    for (name, operator) in operators::ALL {
        env.add_global(*name, Value::from_object(Native(name, *operator)));
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
        add_filter(env, name, move |_, args| {
            charge_all(args)?;
            let out = filter(args)?;
            charge_value(&out)?;
            Ok(out)
        });
    }
    for (name, filter) in [
        ("map", Value::from_function(filters::map)),
        ("reject", Value::from_function(filters::reject)),
        ("rejectattr", Value::from_function(filters::rejectattr)),
        ("select", Value::from_function(filters::select)),
        ("selectattr", Value::from_function(filters::selectattr)),
    ] {
        add_filter(env, name, move |state, args| match args.first() {
            Some(list) if !list.is_true() => lazy::generator(Vec::new()), // Jinja reads nothing of what is false
            _ => over_list(state, &filter, args).and_then(generated),
        });
    }
    for (name, filter) in [
        ("batch", Value::from_function(filters::batch)),
        ("slice", Value::from_function(filters::slice)),
        ("unique", Value::from_function(filters::unique)),
    ] {
        add_filter(env, name, move |state, args| {
            if name == "unique" {
                args.iter().try_for_each(weigh)?; // it compares them all
            }
            over_list(state, &filter, args).and_then(generated)
        });
    }
    for (name, filter) in
        [("groupby", Value::from_function(filters::groupby)), ("sort", Value::from_function(filters::sort))]
    {
        add_filter(env, name, move |state, args| {
            comparable(state, args)?;
            over_list(state, &filter, args).and_then(settle)
        });
    }
    let dictsort = Value::from_function(filters::dictsort);
    add_filter(env, "dictsort", move |state, args| {
        let sorted = over_list(state, &dictsort, args)?;
        made(fixed::pairs(&sorted)?.into())
    });
    add_filter(env, "join", join);
    add_filter(env, "max", |state, args| last(&[state.apply_filter("sort", &[one(args)?])?]));
    add_filter(env, "min", |state, args| first(&[state.apply_filter("sort", &[one(args)?])?]));
    env.add_test("iterable", |v: &Value| !matches!(v.kind(), ValueKind::None | ValueKind::Bool | ValueKind::Number));
    env.add_test("sequence", |v: &Value| {
        matches!(v.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
    });
    env.add_test("number", |v: &Value| matches!(v.kind(), ValueKind::Number | ValueKind::Bool));
    add_test(env, "lower", |v| Ok(strings::is_lower(&text(v)?)));
    add_test(env, "upper", |v| Ok(strings::is_upper(&text(v)?)));
    env.add_test("odd", |v: &Value| rest(v, &Value::from(2)));
    env.add_test("even", |v: &Value| rest(v, &Value::from(2)).map(|odd| !odd));
    env.add_test("divisibleby", |v: &Value, by: &Value| rest(v, by).map(|over| !over));
    env.add_test("sameas", |v: &Value, other: &Value| {
        [v, other].into_iter().try_for_each(each::plain)?;
        Ok::<_, Error>(tests::is_sameas(v, other))
    });
    env.add_test("filter", |state: &State, name: &Value| {
        each::plain(name)?;
        Ok::<_, Error>(tests::is_filter(state, &text(name)?))
    });
    env.add_test("test", |state: &State, name: &Value| {
        each::plain(name)?;
        Ok::<_, Error>(tests::is_test(state, &text(name)?))
    });
    for (names, operator) in [
        (["eq", "equalto", "=="], "== "),
        (["ne", "ne", "!="], "!= "),
        (["lt", "lessthan", "<"], "< "),
        (["gt", "greaterthan", ">"], "> "),
        (["le", "le", "<="], "<= "),
        (["ge", "ge", ">="], ">= "),
        (["in", "in", "in"], "in "),
    ] {
        let (_, operator) = operators::ALL.iter().find(|(name, _)| *name == operator).expect("the table has it");
        for name in names {
            env.add_test(name, move |v: Value, other: Value| each::read(&[v, other], operator).map(|is| is.is_true()));
        }
    }
    env.add_test("callable", |v: &Value| matches!(v.kind(), ValueKind::Plain | ValueKind::Undefined));
    for (name, make) in [
        ("range", Value::from_object(Native("range", range))),
        ("dict", Value::from_function(functions::dict)),
        ("namespace", Value::from_function(functions::namespace)),
    ] {
        env.add_function(name, move |state: &State, args: Rest<Value>| settle(make.call(state, &args)?));
    }
    env.add_global("strftime_now", Value::from_object(Native("strftime_now", date::strftime_now)));
    env.add_function("raise_exception", crate::template::raise);
    env.set_unknown_method_callback(methods::call);
}

fn add_filter(
    env: &mut Environment<'static>,
    name: &'static str,
    filter: impl Fn(&State, &[Value]) -> Result<Value, Error> + Send + Sync + 'static,
) {
    env.add_filter(name, move |state: &State, args: Rest<Value>| {
        if each::carries_items(name, &args) {
            return filter(state, &args);
        }
        each::read(&args, |args| filter(state, args))
    });
}

fn add_test(
    env: &mut Environment<'static>,
    name: &'static str,
    test: impl Fn(&Value) -> Result<bool, Error> + Send + Sync + 'static,
) {
    env.add_test(name, move |v: Value| each::read(&[v], |args| test(&args[0]).map(Value::from)).map(|is| is.is_true()));
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

fn range(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("range", args, &["start", "stop", "step"], 1)?;
    match given.get(1) {
        None => fixed::range(0, given.count(0, 0)?, 1),
        Some(_) => fixed::range(given.count(0, 0)?, given.count(1, 0)?, given.count(2, 1)?),
    }
}

/// The rest that a number leaves, for the tests odd, even and divisibleby.
fn rest(value: &Value, by: &Value) -> Result<bool, Error> {
    each::read(&[value.clone(), by.clone()], |args| operators::modulo(&args[0], &args[1])).map(|rest| rest.is_true())
}

fn join(state: &State, args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("join", args, &["value", "d", "attribute"], 0)?;
    let mut items = iterable(&args[0])?;
    if let Some(attribute) = given.get(2) {
        let by = Kwargs::from_iter([("attribute", attribute.clone())]);
        items = state.apply_filter("map", &[items, Value::from(by)])?;
    }
    Ok(Value::from(strings::join(&items, &given.text(1, "")?)?))
}
