//! The filter `tojson` as transformers gives it to templates: `json.dumps(value, ensure_ascii, indent, separators,
//! sort_keys)`.
//!
//! Reference: `_compile_jinja_template` in transformers' `utils/chat_template_utils.py`, and Python's `json.encoder`.

use std::fmt::Write;

use minijinja::value::{Value, ValueKind};
use minijinja::Error;

use crate::arguments::Arguments;
use crate::budget::{charge, refusal, DEPTH};
use crate::operators::name;
use crate::print::{float_repr, number};

struct Writer {
    out: String,
    ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sorted: bool,
}

/// `value | tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub fn tojson(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("tojson", args, &["value", "ensure_ascii", "indent", "separators", "sort_keys"], 1)?;
    let indent = match given.get(2) {
        None => None,
        Some(v) if v.kind() == ValueKind::String => Some(v.to_string()),
        Some(_) => Some(" ".repeat(given.count(2, 0)?.clamp(0, 64) as usize)),
    };
    let (item, key) = match given.get(3) {
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
        Some(pair) if pair.len() == Some(2) => {
            (pair.get_item_by_index(0)?.to_string(), pair.get_item_by_index(1)?.to_string())
        }
        Some(_) => return Err(refusal("tojson: separators is not a pair")),
    };
    let ascii = given.get(1).is_some_and(Value::is_true);
    let sorted = given.get(4).is_some_and(Value::is_true);
    let mut writer = Writer { out: String::new(), ascii, indent, item, key, sorted };
    writer.value(&args[0], 0)?;
    charge(writer.out.len())?;
    Ok(Value::from(writer.out))
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(refusal(format!("tojson: a list or dict is nested more than {DEPTH} deep")));
        }
        charge(16)?;
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.number(value),
            ValueKind::String => self.string(value.as_str().unwrap_or_default())?,
            ValueKind::Seq if crate::fixed::bounds(value).is_none() => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.all('[', ']', &items, depth, |w, item| w.value(item, depth + 1))?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    keys.sort();
                }
                self.all('{', '}', &keys, depth, |w, key| {
                    w.member(key)?;
                    w.value(&value.get_item(key)?, depth + 1)
                })?;
            }
            ValueKind::Undefined => return Err(refusal("tojson: an undefined value is not JSON serializable")),
            _ => return Err(refusal(format!("tojson: {} is not JSON serializable", name(value)))),
        }
        Ok(())
    }

    fn all(
        &mut self,
        open: char,
        close: char,
        items: &[Value],
        depth: usize,
        mut write: impl FnMut(&mut Self, &Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(open);
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push_str(&self.item);
            }
            self.line(depth + 1)?;
            write(self, item)?;
        }
        if !items.is_empty() {
            self.line(depth)?;
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self, depth: usize) -> Result<(), Error> {
        if let Some(indent) = &self.indent {
            charge(indent.len() * depth)?;
            self.out.push('\n');
            self.out.push_str(&indent.repeat(depth));
        }
        Ok(())
    }

    /// A dict's key, of which json.dumps makes a string.
    fn member(&mut self, key: &Value) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.string(key.as_str().unwrap_or_default())?,
            ValueKind::Number | ValueKind::Bool | ValueKind::None => {
                self.out.push('"');
                self.value(key, 0)?;
                self.out.push('"');
            }
            kind => return Err(refusal(format!("tojson: a {kind} cannot be a key"))),
        }
        self.out.push_str(&self.key);
        Ok(())
    }

    fn number(&mut self, value: &Value) {
        match (value.is_integer(), f64::try_from(value.clone())) {
            (false, Ok(float)) => self.out.push_str(&float_repr(float, "Infinity", "NaN")),
            _ => number(&mut self.out, value),
        }
    }

    fn string(&mut self, text: &str) -> Result<(), Error> {
        charge(text.len())?;
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if (c as u32) < 0x20 || self.ascii && !(' '..='~').contains(&c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(self.out, "\\u{unit:04x}").expect("a string can be written to");
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
        Ok(())
    }
}
