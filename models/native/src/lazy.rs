//! What Python's filters and dicts give in the place of lists: a generator, which is read once and has no length, and a
//! view of a dict, which is read as often as one likes. Neither has places, and neither is JSON.

use std::sync::{Arc, Mutex};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::Error;

use crate::budget::made_of;

#[derive(Debug)]
pub struct Lazy {
    items: Mutex<Vec<Value>>,
    /// What Python writes before a view's items; None is a generator.
    view: Option<String>,
}

/// A generator of values that are known already: nothing is computed while it is read.
pub fn generator(items: Vec<Value>) -> Result<Value, Error> {
    lazy(items, None)
}

/// A dict's keys, values or items, by the name that Python writes before them.
pub fn view(name: String, items: Vec<Value>) -> Result<Value, Error> {
    lazy(items, Some(name))
}

fn lazy(items: Vec<Value>, view: Option<String>) -> Result<Value, Error> {
    made_of(&items)?;
    Ok(Value::from_object(Lazy { items: Mutex::new(items), view }))
}

/// What a generator or view holds, which stays where it is; None of another value.
pub fn items(value: &Value) -> Option<Vec<Value>> {
    Some(value.downcast_object_ref::<Lazy>()?.items.lock().expect("nobody panics while it is held").clone())
}

/// A generator or view as `of` is one, of other items.
pub fn like(of: &Value, items: Vec<Value>) -> Result<Value, Error> {
    lazy(items, view_of(of).map(str::to_owned))
}

/// Has a generator been read where its copy was.
pub fn read_as(of: &Value, copy: &Value) {
    if let (Some(of), Some(true)) = (of.downcast_object_ref::<Lazy>(), items(copy).map(|items| items.is_empty())) {
        of.items.lock().expect("nobody panics while it is held").clear();
    }
}

/// The name of a dict's view, or None of another value.
pub fn view_of(value: &Value) -> Option<&str> {
    value.downcast_object_ref::<Lazy>()?.view.as_deref()
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut items = self.items.lock().expect("nobody panics while it is held");
        Enumerator::Values(if self.view.is_none() { std::mem::take(&mut *items) } else { items.clone() })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.view.as_ref().map(|_| self.items.lock().expect("nobody panics while it is held").len())
    }
}
