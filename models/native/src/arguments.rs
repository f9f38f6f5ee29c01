//! The arguments of a call, by the names that Python gives them.

use minijinja::value::{from_args, Kwargs, Rest, Value, ValueKind};
use minijinja::Error;

use crate::budget::refusal;
use crate::print::text;

/// What a call gave for each name; None where nothing, or Python's None, was given.
pub struct Arguments {
    of: &'static str,
    names: &'static [&'static str],
    given: Vec<Option<Value>>,
}

impl Arguments {
    /// The arguments of a call of `of`, of which the first `required` must be there. One that has no name is refused.
    pub fn new(
        of: &'static str,
        args: &[Value],
        names: &'static [&'static str],
        required: usize,
    ) -> Result<Self, Error> {
        let (Rest(positional), kwargs): (Rest<Value>, Kwargs) = from_args(args)?;
        if positional.len() > names.len() {
            return Err(refusal(format!("{of} takes {} arguments, and {} were given", names.len(), positional.len())));
        }
        for name in kwargs.args() {
            match names.iter().position(|known| *known == name) {
                None => return Err(refusal(format!("{of} has no argument {name:?}"))),
                Some(at) if at < positional.len() => return Err(refusal(format!("{of}: {name:?} is given twice"))),
                Some(_) => {}
            }
        }
        let given: Vec<Option<Value>> = names
            .iter()
            .enumerate()
            .map(|(i, name)| positional.get(i).cloned().or_else(|| kwargs.peek::<Value>(name).ok()))
            .map(|value| value.filter(|v| !v.is_none()))
            .collect();
        if let Some(missing) = (0..required).find(|i| *i >= positional.len() && given[*i].is_none()) {
            return Err(refusal(format!("{of} needs the argument {:?}", names[missing])));
        }
        Ok(Self { of, names, given })
    }

    /// The argument at a place.
    pub fn get(&self, at: usize) -> Option<&Value> {
        self.given[at].as_ref()
    }

    /// A string at a place, or None where it was left out.
    pub fn string(&self, at: usize) -> Result<Option<&str>, Error> {
        match self.get(at) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.refuse(at, "a string", value)),
        }
    }

    /// A string that must be there.
    pub fn needed(&self, at: usize) -> Result<&str, Error> {
        self.string(at)?.ok_or_else(|| refusal(format!("{}: {:?} is not a string", self.of, self.names[at])))
    }

    /// Any value's text, or `otherwise`.
    pub fn text(&self, at: usize, otherwise: &str) -> Result<String, Error> {
        self.get(at).map_or(Ok(otherwise.to_owned()), text)
    }

    /// A whole number at a place, or `otherwise`.
    pub fn count(&self, at: usize, otherwise: i64) -> Result<i64, Error> {
        match self.get(at) {
            None => Ok(otherwise),
            Some(v) if v.kind() == ValueKind::Bool => Ok(i64::from(v.is_true())),
            Some(v) => v.as_i64().filter(|_| v.is_integer()).ok_or_else(|| self.refuse(at, "a whole number", v)),
        }
    }

    fn refuse(&self, at: usize, wanted: &str, value: &Value) -> Error {
        refusal(format!("{}: {:?} is {}, and not {wanted}", self.of, self.names[at], value.kind()))
    }
}
