//! The methods of Python's str that templates call. Sources: Python's `str`; each is held to CPython by
//! models/export/templates.

use minijinja::value::{from_args, Kwargs, Rest, Value, ValueKind};
use minijinja::Error;
use unicode_categories::UnicodeCategories;

use crate::arguments::Arguments;
use crate::budget::{charge, charge_times, made, refusal};
use crate::fixed;
use crate::operators::iterable;
use crate::print::text;

/// Python's str.isspace of a character: Unicode's white space and the four separators of ASCII.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Calls a method of a text. The result is None where Python's str has no such method here.
pub fn call(s: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    charge(s.len())?;
    Ok(Some(match method {
        "strip" | "lstrip" | "rstrip" => {
            let given = Arguments::new("strip", args, &["chars"], 0)?;
            Value::from(strip(s, given.string(0)?, method != "rstrip", method != "lstrip"))
        }
        "split" | "rsplit" => {
            let given = Arguments::new("split", args, &["sep", "maxsplit"], 0)?;
            return split(s, given.string(0)?, given.count(1, -1)?, method == "rsplit").map(Some);
        }
        "splitlines" => {
            let given = Arguments::new("splitlines", args, &["keepends"], 0)?;
            return list(lines(s, given.get(0).is_some_and(Value::is_true))).map(Some);
        }
        "startswith" => Value::from(affix(s, method, args, |s, affix| s.starts_with(affix))?),
        "endswith" => Value::from(affix(s, method, args, |s, affix| s.ends_with(affix))?),
        "replace" => {
            let given = Arguments::new("replace", args, &["old", "new", "count"], 2)?;
            Value::from(replace(s, given.needed(0)?, given.needed(1)?, given.count(2, -1)?)?)
        }
        "count" => {
            let given = Arguments::new("count", args, &["sub"], 1)?;
            let sub = given.needed(0)?;
            Value::from(if sub.is_empty() { s.chars().count() + 1 } else { s.matches(sub).count() })
        }
        "find" | "rfind" | "index" | "rindex" => {
            let given = Arguments::new("find", args, &["sub"], 1)?;
            let sub = given.needed(0)?;
            match if method.starts_with('r') { s.rfind(sub) } else { s.find(sub) } {
                Some(at) => Value::from(s[..at].chars().count()),
                None if method.ends_with("find") => Value::from(-1),
                None => return Err(refusal(format!("{method}: the text is not there"))),
            }
        }
        "upper" => plain(args, s.to_uppercase())?,
        "lower" => plain(args, s.to_lowercase())?,
        "title" => plain(args, title(s))?,
        "capitalize" => plain(args, capitalize(s))?,
        "isupper" => plain(args, is_upper(s))?,
        "islower" => plain(args, is_lower(s))?,
        "isspace" => plain(args, !s.is_empty() && s.chars().all(is_space))?,
        "isascii" => plain(args, s.is_ascii())?,
        "isalpha" | "isalnum" | "isdigit" | "isdecimal" | "isnumeric" => plain(args, class(s, method)?)?,
        "join" => {
            let given = Arguments::new("join", args, &["iterable"], 1)?;
            let items = iterable(given.get(0).unwrap_or(&Value::UNDEFINED))?;
            if let Some(item) = items.try_iter()?.find(|item| item.as_str().is_none()) {
                return Err(refusal(format!("join: {} is not a str", crate::operators::name(&item))));
            }
            Value::from(join(&items, s)?)
        }
        "format" => Value::from(format(s, args)?),
        "removeprefix" | "removesuffix" => {
            let given = Arguments::new("removeprefix", args, &["affix"], 1)?;
            let affix = given.needed(0)?;
            Value::from(
                if method == "removeprefix" { s.strip_prefix(affix) } else { s.strip_suffix(affix) }.unwrap_or(s),
            )
        }
        "partition" | "rpartition" => {
            let given = Arguments::new("partition", args, &["sep"], 1)?;
            let (sep, right) = (separator(given.needed(0)?)?, method == "rpartition");
            let parts = match if right { s.rsplit_once(sep) } else { s.split_once(sep) } {
                Some((before, after)) => [before, sep, after],
                None if right => ["", "", s],
                None => [s, "", ""],
            };
            return fixed::tuple(parts.map(Value::from).to_vec()).map(Some);
        }
        _ => return Ok(None),
    }))
}

fn plain(args: &[Value], result: impl Into<Value>) -> Result<Value, Error> {
    Arguments::new("the method", args, &[], 0)?;
    Ok(result.into())
}

fn list<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<Value, Error> {
    made(parts.into_iter().map(Value::from).collect::<Vec<_>>().into())
}

/// Takes white space, or the characters given, off either end.
pub fn strip<'a>(s: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let out = |c: char| chars.map_or_else(|| is_space(c), |set| set.contains(c));
    let s = if left { s.trim_start_matches(out) } else { s };
    if right {
        s.trim_end_matches(out)
    } else {
        s
    }
}

fn separator(sep: &str) -> Result<&str, Error> {
    if sep.is_empty() {
        return Err(refusal("the separator is empty"));
    }
    Ok(sep)
}

/// Cuts at a separator, or at runs of white space, at most so many times, from the left or from the right.
fn split(s: &str, sep: Option<&str>, most: i64, from_right: bool) -> Result<Value, Error> {
    let most = usize::try_from(most).unwrap_or(usize::MAX - 1);
    let mut parts: Vec<&str> = Vec::new();
    match (sep, from_right) {
        (Some(sep), false) => parts.extend(s.splitn(most + 1, separator(sep)?)),
        (Some(sep), true) => parts.extend(s.rsplitn(most + 1, separator(sep)?)),
        (None, _) => {
            let mut rest = s;
            loop {
                rest = strip(rest, None, !from_right, from_right);
                let at = if from_right { rest.rfind(is_space) } else { rest.find(is_space) };
                match at.filter(|_| parts.len() < most) {
                    Some(at) => {
                        let width = rest[at..].chars().next().map_or(0, char::len_utf8);
                        let (part, left) =
                            if from_right { (&rest[at + width..], &rest[..at]) } else { (&rest[..at], &rest[at..]) };
                        parts.push(part);
                        rest = left;
                    }
                    None if rest.is_empty() => break,
                    None => {
                        parts.push(rest);
                        break;
                    }
                }
            }
        }
    }
    if from_right {
        parts.reverse();
    }
    list(parts)
}

/// Cuts at the ends of lines that Python knows, which are kept or not.
pub fn lines(s: &str, keep: bool) -> Vec<&str> {
    const ENDS: [char; 10] =
        ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let (mut out, mut rest) = (Vec::new(), s);
    while !rest.is_empty() {
        let Some(at) = rest.find(ENDS) else {
            out.push(rest);
            break;
        };
        let width =
            if rest[at..].starts_with("\r\n") { 2 } else { rest[at..].chars().next().map_or(1, char::len_utf8) };
        out.push(if keep { &rest[..at + width] } else { &rest[..at] });
        rest = &rest[at + width..];
    }
    out
}

/// Tells whether a text has an affix, or one of a tuple of them.
fn affix(s: &str, of: &str, args: &[Value], has: fn(&str, &str) -> bool) -> Result<bool, Error> {
    let given = Arguments::new("startswith", args, &["prefix"], 1)?;
    let Some(affixes) = given.get(0) else { return Err(refusal(format!("{of}: None is not a str"))) };
    if affixes.kind() != ValueKind::Seq {
        return Ok(has(s, given.needed(0)?));
    }
    for one in affixes.try_iter()? {
        let one = one.as_str().map(str::to_owned).ok_or_else(|| refusal(format!("{of}: not every affix is a str")))?;
        if has(s, &one) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts `new` for `old`, `most` times at most, or everywhere where that is negative.
pub fn replace(s: &str, old: &str, new: &str, most: i64) -> Result<String, Error> {
    let there = if old.is_empty() { s.chars().count() + 1 } else { s.matches(old).count() };
    let times = usize::try_from(most).map_or(there, |most| most.min(there));
    charge(s.len())?;
    charge_times(new.len(), times)?;
    Ok(s.replacen(old, new, times))
}

/// The texts of a list's items, with a text between them.
pub fn join(items: &Value, between: &str) -> Result<String, Error> {
    let mut out = String::new();
    for (i, item) in items.try_iter()?.enumerate() {
        if i > 0 {
            charge(between.len())?;
            out.push_str(between);
        }
        out.push_str(&text(&item)?);
    }
    Ok(out)
}

/// Python's str.isupper: a letter is in upper case, and none in another.
pub fn is_upper(s: &str) -> bool {
    s.chars().any(char::is_uppercase) && !s.chars().any(|c| c.is_lowercase() || is_title(c))
}

/// Python's str.islower: a letter is in lower case, and none in another.
pub fn is_lower(s: &str) -> bool {
    s.chars().any(char::is_lowercase) && !s.chars().any(|c| c.is_uppercase() || is_title(c))
}

fn is_title(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

/// A character in title case: as in upper case, but for the letters that stand for two, of which the second stays
/// small.
fn title_case(c: char) -> String {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => "ǅ".to_owned(),
        'Ǉ' | 'ǈ' | 'ǉ' => "ǈ".to_owned(),
        'Ǌ' | 'ǋ' | 'ǌ' => "ǋ".to_owned(),
        'Ǳ' | 'ǲ' | 'ǳ' => "ǲ".to_owned(),
        _ => {
            let mut upper = c.to_uppercase();
            upper.next().into_iter().chain(upper.flat_map(char::to_lowercase)).collect()
        }
    }
}

fn title(s: &str) -> String {
    let (mut out, mut inside) = (String::with_capacity(s.len()), false);
    for c in s.chars() {
        let cased = c.is_uppercase() || c.is_lowercase();
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.push_str(&title_case(c));
        }
        inside = cased;
    }
    out
}

/// The first character in title case and the rest in lower case.
pub fn capitalize(s: &str) -> String {
    let mut chars = s.chars();
    chars.next().map_or_else(String::new, |first| title_case(first) + &chars.as_str().to_lowercase())
}

/// Python's isalpha and the like. Of what is not ASCII this tells what holds in every version of Unicode's tables since
/// 8.0; where it would need Python's own, it is refused.
fn class(s: &str, method: &str) -> Result<bool, Error> {
    let is = |c: char| match method {
        "isalpha" if c.is_letter() || !c.is_alphabetic() => Some(c.is_letter()),
        "isalnum" if c.is_letter() || c.is_number_decimal_digit() || !c.is_alphanumeric() => Some(c.is_alphanumeric()),
        "isdigit" | "isdecimal" if c.is_number_decimal_digit() || !c.is_numeric() => Some(c.is_numeric()),
        "isnumeric" if c.is_number() || c.is_ascii() => Some(c.is_number()),
        _ => None,
    };
    let mut known = true;
    for c in s.chars() {
        match is(c) {
            Some(true) => {}
            Some(false) => return Ok(false),
            None => known = false,
        }
    }
    if !known {
        return Err(refusal(format!("{method} of a text that is not ASCII is not supported")));
    }
    Ok(!s.is_empty())
}

/// Python's format of `{}`, `{0}` and `{name}`; a format of its own behind a colon is refused.
fn format(s: &str, args: &[Value]) -> Result<String, Error> {
    let (Rest(positional), named): (Rest<Value>, Kwargs) = from_args(args)?;
    let (mut out, mut rest, mut next) = (String::new(), s, 0);
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let mark = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(doubled) = rest.strip_prefix(mark) {
            out.push_str(mark);
            rest = doubled;
            continue;
        }
        let Some((field, after)) = rest.split_once('}').filter(|_| mark == "{") else {
            return Err(refusal("format: a brace stands alone"));
        };
        let value = match field {
            "" => positional.get(next).cloned(),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().and_then(|i: usize| positional.get(i).cloned())
            }
            name if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => named.peek::<Value>(name).ok(),
            _ => return Err(refusal(format!("format: the field {{{field}}} is not supported"))),
        };
        next += usize::from(field.is_empty());
        out.push_str(&text(&value.ok_or_else(|| refusal(format!("format: nothing is given for {{{field}}}")))?)?);
        rest = after;
    }
    charge(s.len())?;
    Ok(out + rest)
}
