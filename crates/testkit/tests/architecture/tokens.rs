//! Paths in the tokens of a macro, which nobody parses before the macro does.

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// A path as it stands in the tokens.
pub(crate) struct Seen {
    pub(crate) path: Vec<String>,
    /// `(` or `!` behind it.
    pub(crate) call: Option<char>,
}

const DEFINE: [&str; 9] = ["struct", "enum", "fn", "const", "static", "type", "trait", "union", "mod"];

/// Every path, also in groups. Not methods, fields, lifetimes, variables of macros and what a keyword defines.
pub(crate) fn paths(tokens: TokenStream) -> Vec<Seen> {
    let mut all = Vec::new();
    collect(&tokens.into_iter().collect::<Vec<_>>(), &mut all);
    all
}

fn collect(tokens: &[TokenTree], all: &mut Vec<Seen>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                collect(&group.stream().into_iter().collect::<Vec<_>>(), all);
                at += 1;
            }
            TokenTree::Ident(ident) => {
                let (skip, first) = before(tokens, at, ident.to_string());
                let (path, next) = path(tokens, at, first);
                if !skip {
                    all.push(Seen { path, call: call(tokens, next) });
                }
                at = next;
            }
            _ => at += 1,
        }
    }
}

/// Whether what stands before a word makes it no path, and the word with the `$` that belongs to it.
fn before(tokens: &[TokenTree], at: usize, word: String) -> (bool, String) {
    let mark = |back: usize| at.checked_sub(back).and_then(|at| punct(tokens, at));
    match (mark(2), mark(1)) {
        (_, Some('$')) if word == "crate" => (false, "$crate".to_owned()),
        (Some('.'), Some('.')) => (false, word),
        (_, Some('.' | '$' | '\'')) | (Some(':'), Some(':')) => (true, word),
        _ => {
            let keyword = at.checked_sub(1).and_then(|at| match &tokens[at] {
                TokenTree::Ident(ident) => Some(ident.to_string()),
                _ => None,
            });
            (keyword.is_some_and(|keyword| DEFINE.contains(&keyword.as_str())), word)
        }
    }
}

/// The path that starts here, and where the tokens go on.
fn path(tokens: &[TokenTree], at: usize, first: String) -> (Vec<String>, usize) {
    let mut path = vec![first];
    let mut next = at + 1;
    while punct(tokens, next) == Some(':') && joint(tokens, next) && punct(tokens, next + 1) == Some(':') {
        let Some(TokenTree::Ident(ident)) = tokens.get(next + 2) else { break };
        path.push(ident.to_string());
        next += 3;
    }
    (path, next)
}

fn call(tokens: &[TokenTree], at: usize) -> Option<char> {
    match tokens.get(at)? {
        TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Parenthesis => Some('('),
        TokenTree::Punct(mark) if mark.as_char() == '!' && punct(tokens, at + 1) != Some('=') => Some('!'),
        _ => None,
    }
}

fn punct(tokens: &[TokenTree], at: usize) -> Option<char> {
    match tokens.get(at)? {
        TokenTree::Punct(mark) => Some(mark.as_char()),
        _ => None,
    }
}

fn joint(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.spacing() == Spacing::Joint)
}
