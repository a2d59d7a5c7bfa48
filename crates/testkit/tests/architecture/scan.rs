//! What stands in the tokens of a file, macros included: words, strings and calls of macros, with their lines.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Lit;

/// A word or a string.
pub(crate) enum Word {
    Ident(String),
    Text(String),
}

/// The call of a macro.
pub(crate) struct Call {
    /// Its path.
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) inside: Vec<TokenTree>,
}

/// The tokens without comments.
pub(crate) fn tokens(text: &str) -> Vec<TokenTree> {
    let tokens: TokenStream = text.parse().expect("Rust");
    undocumented(tokens)
}

/// The tokens without the attributes that comments of documentation become.
pub(crate) fn undocumented(tokens: TokenStream) -> Vec<TokenTree> {
    let is_doc = |token: &TokenTree| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
        }
        _ => false,
    };
    tokens.into_iter().filter(|token| !is_doc(token)).collect()
}

/// The string of a token, if it is one.
pub(crate) fn text_of(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    match Lit::new(literal.clone()) {
        Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

/// Every word and string, with its line.
pub(crate) fn words(tokens: &[TokenTree]) -> Vec<(usize, Word)> {
    let words = tokens.iter().flat_map(|token| match token {
        TokenTree::Group(group) => words(&undocumented(group.stream())),
        TokenTree::Ident(ident) => vec![(ident.span().start().line, Word::Ident(ident.to_string()))],
        token => text_of(token).map(|text| (token.span().start().line, Word::Text(text))).into_iter().collect(),
    });
    words.collect()
}

/// Every call of a macro, also in the calls of others.
pub(crate) fn calls(tokens: &[TokenTree]) -> Vec<Call> {
    let mut all = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let inside = undocumented(group.stream());
        all.extend(calls(&inside));
        if at >= 2 && is_mark(&tokens[at - 1], '!') && matches!(tokens[at - 2], TokenTree::Ident(_)) {
            all.push(Call { path: path(&tokens[..at - 1]), line: token.span().start().line, inside });
        }
    }
    all
}

/// The path at the end of the tokens.
fn path(tokens: &[TokenTree]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for token in tokens.iter().rev() {
        match token {
            TokenTree::Ident(ident) if parts.first().is_none_or(|part| part == ":") => {
                parts.insert(0, ident.to_string());
            }
            token if is_mark(token, ':') => parts.insert(0, ":".to_owned()),
            _ => break,
        }
    }
    parts.concat()
}

/// Whether the token is this mark.
pub(crate) fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

#[test]
fn words_strings_and_calls_are_found_in_macros_and_not_in_comments() {
    let tokens = tokens("/// doc\nfn f() { /* not */ a!(b::c!(\"text\")); }");
    let words: Vec<_> = words(&tokens)
        .into_iter()
        .map(|(line, word)| match word {
            Word::Ident(word) => format!("{line} {word}"),
            Word::Text(text) => format!("{line} {text:?}"),
        })
        .collect();
    assert_eq!(words, ["2 fn", "2 f", "2 a", "2 b", "2 c", "2 \"text\""]);
    let paths: Vec<_> = calls(&tokens).into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["b::c", "a"]);
}
