//! A chat template, compiled once and rendered many times, from any thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use minijinja::machinery::{make_string_output, parse, CodeGenerator, Instructions, Vm};
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State};

use crate::budget;
use crate::print;
use crate::{date, each, environment, rewrite, syntax};

const NAME: &str = "chat_template";

/// Calls of macros inside one another that a rendering may make, four of minijinja's levels each.
const RECURSION: usize = 400;

pub struct Template {
    instructions: Instructions<'static>,
    blocks: BTreeMap<&'static str, Instructions<'static>>,
    environment: *mut Environment<'static>,
    source: *mut str,
    shared: bool, // its loops are not asked whether a value changed, nor do they go over a text by recursion
}

// The raw pointers are of memory that the template owns and only reads.
unsafe impl Send for Template {}
unsafe impl Sync for Template {}

impl Template {
    /// Compiles a template. The error is one sentence.
    pub fn new(source: &str) -> Result<Self, String> {
        let source = Box::into_raw(syntax::prepare(source).map_err(|err| sentence(&err))?.into_boxed_str());
        // The instructions point into the source, which stays where it is until the template is dropped.
        match compile(unsafe { &*source }) {
            Ok((instructions, blocks)) => {
                let environment = Box::into_raw(Box::new(furnished()));
                let text = unsafe { &*source };
                let shared = !["changed", "recursive"].into_iter().any(|word| text.contains(word));
                Ok(Self { instructions, blocks, environment, source, shared })
            }
            Err(err) => {
                let said = sentence(&err);
                drop(err);
                drop(unsafe { Box::from_raw(source) });
                Err(said)
            }
        }
    }

    /// Renders an object of JSON, whose members are the template's variables, on a date or today. The error is one
    /// sentence: what raise_exception was given, or what went wrong.
    pub fn render(&self, variables: &[u8], today: Option<[i32; 3]>) -> Result<String, String> {
        budget::begin(variables.len().saturating_sub(each::spare()));
        date::fix(today);
        RAISED.set(None);
        let root: Value =
            serde_json::from_slice(variables).map_err(|err| format!("the variables are not read: {err}"))?;
        let mut out = String::new();
        let environment: &'static Environment<'static> = unsafe { &*self.environment };
        let rendered = Vm::new(environment)
            .eval(&self.instructions, root, &self.blocks, &mut make_string_output(&mut out), AutoEscape::None)
            .map(drop);
        match (rendered, RAISED.take()) {
            (Ok(()), _) => Ok(out),
            (Err(_), Some(raised)) => Err(raised),
            (Err(err), None) => Err(sentence(&err)),
        }
    }
}

impl Template {
    /// Renders an object of JSON with marks, as [`render`](Self::render) does. `texts` is a list of JSON, with a list
    /// for each mark of the texts that it stands for. An error is no verdict on any of them: each is then rendered by
    /// itself.
    pub fn render_each(&self, variables: &[u8], texts: &[u8], today: Option<[i32; 3]>) -> Result<each::Texts, String> {
        if !self.shared {
            return Err("the template reads texts where no mark is seen".to_owned());
        }
        let texts: Vec<Vec<String>> =
            serde_json::from_slice(texts).map_err(|err| format!("the texts are not read: {err}"))?;
        each::render(texts, || self.render(variables, today))
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        self.blocks.clear();
        self.instructions = Instructions::new(NAME, "");
        drop(unsafe { Box::from_raw(self.environment) });
        drop(unsafe { Box::from_raw(self.source) });
    }
}

type Compiled = (Instructions<'static>, BTreeMap<&'static str, Instructions<'static>>);

fn compile(source: &'static str) -> Result<Compiled, Error> {
    let parsed = parse(source, NAME, Default::default(), syntax::WHITESPACE)?;
    let mut generator = CodeGenerator::new(NAME, source);
    generator.compile_stmt(&rewrite::template(source, &parsed)?);
    Ok(generator.finish())
}

fn furnished() -> Environment<'static> {
    let mut env = Environment::new();
    environment::furnish(&mut env);
    env.set_fuel(Some(budget::STEPS));
    env.set_recursion_limit(RECURSION);
    env.set_formatter(write);
    env
}

/// Writes a value where the template has `{{ value }}`.
fn write(out: &mut Output, _: &State, value: &Value) -> Result<(), Error> {
    let printed;
    let text = match value.as_str() {
        Some(text) if value.kind() == ValueKind::String => text,
        _ => {
            printed = each::read(std::slice::from_ref(value), |args| print::text(&args[0]).map(Value::from))?;
            printed.as_str().unwrap_or_default()
        }
    };
    budget::written(each::size(text))?;
    out.write_str(text)?;
    Ok(())
}

thread_local! {
    static RAISED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The template's `raise_exception(message)`: the rendering ends, and its error is the message.
pub fn raise(message: &Value) -> Result<Value, Error> {
    let said = shortened(&print::text(message)?);
    RAISED.set(Some(said.clone()));
    Err(budget::refusal(said))
}

/// What an error says, in one sentence, with the template's line.
fn sentence(err: &Error) -> String {
    let said = match (err.kind(), err.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the template takes more than {} steps", budget::STEPS),
        (_, Some(detail)) => shortened(detail),
        (kind, None) => kind.to_string(),
    };
    match err.line() {
        Some(line) => format!("line {line}: {said}"),
        None => said,
    }
}

/// At most the first bytes of an error's text.
fn shortened(text: &str) -> String {
    let end = (0..=400.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}…", &text[..end])
    }
}
