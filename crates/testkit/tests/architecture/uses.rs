//! Which files a crate's files use: every path in their production code, with the file that defines what it names.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, Lit, Meta, Pat, Visibility};

use crate::names::Target;
use crate::tokens::{Seen, paths};
use crate::tree::{Crate, imports};

/// From file to file, the names that are used.
pub(crate) type Edges = BTreeMap<(String, String), BTreeSet<String>>;

/// Who uses what of whom.
pub(crate) fn edges(tree: &Crate<'_>) -> Edges {
    read(tree).0
}

/// Paths into the crate that lead nowhere: where there are any, edges are missing.
pub(crate) fn unknown(tree: &Crate<'_>) -> BTreeSet<String> {
    read(tree).1
}

fn read(tree: &Crate<'_>) -> (Edges, BTreeSet<String>) {
    let (mut edges, mut unknown) = (Edges::new(), BTreeSet::new());
    for (id, module) in tree.modules.iter().enumerate() {
        let mut uses = Uses { tree, module: id, locals: BTreeSet::new(), edges: &mut edges, unknown: &mut unknown };
        module.items.iter().for_each(|item| uses.visit_item(item));
    }
    (edges, unknown)
}

struct Uses<'a> {
    tree: &'a Crate<'a>,
    module: usize,
    /// Names that the function around binds.
    locals: BTreeSet<String>,
    edges: &'a mut Edges,
    unknown: &'a mut BTreeSet<String>,
}

impl Uses<'_> {
    fn used(&mut self, path: &[String]) {
        let targets = self.resolve(path);
        self.note(targets, false);
    }

    fn resolve(&mut self, path: &[String]) -> BTreeSet<Target> {
        let targets = self.tree.resolve(self.module, path);
        let is_module = |target: &Target| matches!(target, Target::Module(_));
        let inside = || self.tree.resolve(self.module, &path[..1]).iter().any(is_module);
        if path.len() > 1 && targets.is_empty() && inside() && !self.tree.leads_outside(self.module, path) {
            self.unknown.insert(format!("{}: {}", self.tree.modules[self.module].file, path.join("::")));
        }
        targets
    }

    fn note(&mut self, targets: BTreeSet<Target>, shown: bool) {
        let from = self.tree.modules[self.module].file;
        for target in targets {
            let Target::Item(module, name) = target else { continue };
            let to = self.tree.modules[module].file;
            if from != to && !(shown && self.is_below(module, from)) {
                self.edges.entry((from.to_owned(), to.to_owned())).or_default().insert(name);
            }
        }
    }

    /// Whether the module stands below one of the file's.
    fn is_below(&self, module: usize, file: &str) -> bool {
        let above = |id: &usize| self.tree.modules[*id].parent;
        std::iter::successors(Some(module), above).any(|id| self.tree.modules[id].file == file)
    }

    fn tokens(&mut self, tokens: TokenStream, accept: impl Fn(&Seen) -> bool) {
        for seen in paths(tokens) {
            if seen.call == Some('!') && seen.path.len() == 1 {
                let targets = self.tree.resolve_macro(self.module, &seen.path[0]);
                self.note(targets, false);
            } else if accept(&seen) {
                self.used(&seen.path);
            }
        }
    }

    fn function(&mut self, inputs: &syn::Signature, block: Option<&Block>, visit: impl FnOnce(&mut Self)) {
        let mut bound = Bound(self.locals.clone());
        bound.visit_signature(inputs);
        if let Some(block) = block {
            bound.visit_block(block);
        }
        let before = std::mem::replace(&mut self.locals, bound.0);
        visit(self);
        self.locals = before;
    }
}

fn is_lower(name: &str) -> bool {
    !name.starts_with(char::is_uppercase)
}

fn parts(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item) {
            let targets = self.resolve(&import.path);
            self.note(targets, !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.used(&parts(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        let local = expression.path.get_ident().is_some_and(|ident| self.locals.contains(&ident.to_string()));
        if !local {
            visit::visit_expr_path(self, expression);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(function) = &*call.func {
            self.visit_path(&function.path);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        if !is_lower(&name) {
            self.used(&[name]);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, Some(&item.block), |this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block), |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref(), |this| visit::visit_trait_item_fn(this, item));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let path = parts(&call.path);
        match path.as_slice() {
            [name] => {
                let targets = self.tree.resolve_macro(self.module, name);
                self.note(targets, false);
            }
            path => self.used(path),
        }
        // A word that starts small and is not called is a variable or a field.
        self.tokens(call.tokens.clone(), |seen| seen.path.len() > 1 || seen.call.is_some() || !is_lower(&seen.path[0]));
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => {
                self.tokens(list.tokens.clone(), |seen| seen.path.len() > 1 || !is_lower(&seen.path[0]));
                if list.path.is_ident("serde") {
                    let texts = list.tokens.clone().into_iter().filter_map(|token| {
                        syn::parse2::<Lit>(token.into()).ok().and_then(|literal| match literal {
                            Lit::Str(text) => text.parse::<syn::Path>().ok(),
                            _ => None,
                        })
                    });
                    texts.for_each(|path| self.used(&parts(&path)));
                }
            }
            Meta::Path(_) | Meta::NameValue(_) => {}
        }
    }
}

/// The names that patterns bind.
struct Bound(BTreeSet<String>);

impl<'ast> Visit<'ast> for Bound {
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        if let Pat::Ident(ident) = pattern
            && is_lower(&ident.ident.to_string())
        {
            self.0.insert(ident.ident.to_string());
        }
        visit::visit_pat(self, pattern);
    }
}
