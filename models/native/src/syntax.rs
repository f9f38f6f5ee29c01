//! The source of a template before it is parsed: what transformers' dialect adds, and how deep and long it may be.

use minijinja::machinery::{tokenize, Token, WhitespaceConfig};
use minijinja::syntax::SyntaxConfig;
use minijinja::Error;

use crate::budget::refusal;

/// Bytes of a template.
pub const SIZE: usize = 1 << 20;

/// Tokens of one statement or expression, and statements inside one another: the parser goes into both by recursion.
pub const TOKENS: usize = 2000;
pub const NESTED: usize = 1000;

/// Blocks are trimmed and stripped, as transformers' chat templates have it.
pub const WHITESPACE: WhitespaceConfig =
    WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };

/// Reads `{% generation %}`, which marks what an assistant wrote and renders as it is, as a scope of its own, and ends
/// of lines as Jinja does: all as one newline. Refuses what is too large or too deep.
pub fn prepare(source: &str) -> Result<String, Error> {
    if source.len() > SIZE {
        return Err(refusal(format!("the template has {} bytes, and {SIZE} are allowed", source.len())));
    }
    let mut out = source.replace("\r\n", "\n").replace('\r', "\n");
    for (from, to, word) in marks(&out)?.into_iter().rev() {
        out.replace_range(from..to, word);
    }
    Ok(out)
}

/// The places of generation's marks, and what stands for each.
fn marks(source: &str) -> Result<Vec<(usize, usize, &'static str)>, Error> {
    let (mut found, mut open, mut tokens, mut first) = (Vec::new(), 0usize, 0usize, false);
    let mut set = false; // inside the opening of a `set`, which has an end of its own only where it assigns nothing
    for token in tokenize(source, false, SyntaxConfig::default(), WHITESPACE) {
        let (token, span) = token?;
        tokens += 1;
        let word = match &token {
            Token::Ident(word) if first => *word,
            _ => "",
        };
        match token {
            Token::BlockStart | Token::VariableStart => tokens = 0,
            Token::Assign => set = false,
            Token::BlockEnd if set => (open, set) = (open + 1, false),
            _ => {}
        }
        match word {
            "generation" => found.push((span.start_offset as usize, span.end_offset as usize, "with")),
            "endgeneration" => found.push((span.start_offset as usize, span.end_offset as usize, "endwith")),
            "set" => set = true,
            _ => {}
        }
        match word {
            "for" | "if" | "elif" | "with" | "macro" | "call" | "filter" | "block" | "autoescape" | "generation" => {
                open += 1
            }
            end if end.starts_with("end") => open = open.saturating_sub(1),
            _ => {}
        }
        if tokens > TOKENS {
            return Err(refusal(format!("a statement has more than {TOKENS} tokens")));
        }
        if open > NESTED {
            return Err(refusal(format!("statements are nested more than {NESTED} deep")));
        }
        first = matches!(token, Token::BlockStart);
    }
    Ok(found)
}
