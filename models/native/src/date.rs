//! `strftime_now`, with which templates write the day: transformers gives it as `datetime.now().strftime(format)`.

use std::cell::Cell;
use std::ffi::CString;

use minijinja::value::Value;
use minijinja::Error;

use crate::arguments::Arguments;
use crate::budget::{charge, refusal};

thread_local! {
    static DATE: Cell<Option<[i32; 3]>> = const { Cell::new(None) };
}

/// Fixes the date that this thread's rendering sees: year, month and day. None is the clock's, in the zone of the
/// process.
pub fn fix(date: Option<[i32; 3]>) {
    DATE.set(date);
}

/// The time by the C library's strftime, which Python's calls too. A time without a zone has nothing for %z and %Z.
pub fn strftime_now(args: &[Value]) -> Result<Value, Error> {
    let given = Arguments::new("strftime_now", args, &["format"], 1)?;
    let format = given.needed(0)?;
    charge(64 * format.len())?;
    if format.len() > 1000 {
        return Err(refusal("strftime_now: the format is longer than 1000 bytes"));
    }
    let (time, micro) = now()?;
    let mut plain = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('%', Some('z' | 'Z')) => _ = rest.next(),
            ('%', Some('f')) => {
                rest.next();
                plain.push_str(&format!("{micro:06}"));
            }
            ('%', Some(next)) => {
                rest.next();
                plain.push(c);
                plain.push(next);
            }
            _ => plain.push(c),
        }
    }
    // One mark more, since an empty result cannot be told from one that did not fit.
    let format = CString::new(plain + "!").map_err(|_| refusal("strftime_now: the format has a NUL"))?;
    let mut out = vec![0u8; 64 * format.as_bytes().len()];
    let size = unsafe { libc::strftime(out.as_mut_ptr().cast(), out.len(), format.as_ptr(), &time) };
    if size == 0 {
        return Err(refusal("strftime_now: the result is too long"));
    }
    out.truncate(size - 1);
    String::from_utf8(out).map(Value::from).map_err(|_| refusal("strftime_now: the result is not UTF-8"))
}

/// The broken-down time and its microseconds.
fn now() -> Result<(libc::tm, u32), Error> {
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    if let Some([year, month, day]) = DATE.get() {
        time.tm_year = year - 1900;
        time.tm_mon = month - 1;
        time.tm_mday = day;
        unsafe { libc::timegm(&mut time) }; // fills in the days of the week and of the year
        return Ok((time, 0));
    }
    let since = std::time::UNIX_EPOCH.elapsed().map_err(|_| refusal("strftime_now: the clock stands before 1970"))?;
    let seconds = since.as_secs() as libc::time_t;
    unsafe { libc::localtime_r(&seconds, &mut time) };
    Ok((time, since.subsec_micros()))
}
