//! Tuples and ranges: lists that are written in another way, and that Python adds to their own kind only.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::Error;

use crate::budget::{made, refusal};

/// Places of a range, as Jinja's sandbox bounds them.
const RANGE: i128 = 100_000;

#[derive(Debug)]
pub struct Fixed {
    items: Vec<Value>,
    /// A range's start, stop and step; None is a tuple.
    range: Option<[i64; 3]>,
}

impl Object for Fixed {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// Makes a tuple.
pub fn tuple(items: Vec<Value>) -> Result<Value, Error> {
    made(Value::from_object(Fixed { items, range: None }))
}

/// Makes a tuple of each pair of a list.
pub fn pairs(list: &Value) -> Result<Vec<Value>, Error> {
    list.try_iter()?.map(|pair| tuple(pair.try_iter()?.collect())).collect()
}

/// Makes a range as Python does, of at most 100,000 places.
pub fn range(start: i64, stop: i64, step: i64) -> Result<Value, Error> {
    if step == 0 {
        return Err(refusal("range: the step is zero"));
    }
    let (from, to, by) = (i128::from(start), i128::from(stop), i128::from(step));
    let places = ((to - from + by - by.signum()) / by).max(0);
    if places > RANGE {
        return Err(refusal(format!("range has {places} places, and {RANGE} are allowed")));
    }
    let items = (0..places as i64).map(|i| Value::from(start + i * step)).collect();
    made(Value::from_object(Fixed { items, range: Some([start, stop, step]) }))
}

/// The numbers of a range, or None of another value.
pub fn bounds(value: &Value) -> Option<[i64; 3]> {
    value.downcast_object_ref::<Fixed>()?.range
}

pub fn is_tuple(value: &Value) -> bool {
    value.downcast_object_ref::<Fixed>().is_some_and(|fixed| fixed.range.is_none())
}
