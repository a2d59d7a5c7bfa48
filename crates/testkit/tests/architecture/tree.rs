//! The modules of one crate as `mod` makes them, over all its files and programs, with the names each of them has.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Item, ItemUse, Lit, Meta, UseTree};

use crate::source::Source;

/// A path by its parts, as `["crate", "error", "Kind"]`.
pub(crate) type Parts = Vec<String>;

/// Files by their paths.
pub(crate) type Sources = BTreeMap<String, Source>;

/// What a name of a module stands for.
pub(crate) enum Entry {
    /// An item that the module defines.
    Item,
    /// A module below it.
    Module(usize),
    /// Something that it took from elsewhere.
    Use(Parts),
}

/// A module: a file, or a part of one in braces.
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) file: &'a str,
    pub(crate) parent: Option<usize>,
    /// The module that `crate` means here.
    pub(crate) root: usize,
    pub(crate) items: &'a [Item],
    pub(crate) names: BTreeMap<String, Vec<Entry>>,
    pub(crate) globs: Vec<Parts>,
    /// Those of its names that are macros, which modules below see without a path.
    pub(crate) macros: BTreeSet<String>,
    /// Those of them that the root shows to everybody.
    pub(crate) exported: BTreeSet<String>,
    /// Names in calls of macros, which may define them.
    pub(crate) generated: BTreeSet<String>,
    /// Whether a part of it stands in a file that the build makes.
    pub(crate) included: bool,
}

/// A crate: its library and its programs.
pub(crate) struct Crate<'a> {
    pub(crate) name: String,
    pub(crate) modules: Vec<Module<'a>>,
    pub(crate) library: Option<usize>,
}

impl<'a> Crate<'a> {
    /// The crate in `folder`, made of the files that its roots lead to.
    pub(crate) fn read(name: &str, folder: &str, sources: &'a Sources) -> Self {
        let mut tree = Self { name: name.replace('-', "_"), modules: Vec::new(), library: None };
        for source in sources.values() {
            let inside = source.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
            if is_root(inside) {
                let root = tree.add(sources, source, (None, &source.production.items), up(&source.path));
                if inside == "src/lib.rs" {
                    tree.library = Some(root);
                }
            }
        }
        tree
    }

    /// The files whose code is production.
    pub(crate) fn files(&self) -> BTreeSet<&'a str> {
        self.modules.iter().map(|module| module.file).collect()
    }

    /// Adds a module with those below it, whose files stand in `folder`.
    fn add(
        &mut self,
        sources: &'a Sources,
        source: &'a Source,
        (parent, items): (Option<usize>, &'a [Item]),
        folder: &str,
    ) -> usize {
        let id = self.modules.len();
        let root = parent.map_or(id, |parent| self.modules[parent].root);
        let mut module = Module { file: &source.path, parent, root, items, ..Module::default() };
        items.iter().for_each(|item| module.name(item));
        self.modules.push(module);
        for item in items {
            let Item::Mod(item) = item else { continue };
            let name = item.ident.to_string();
            let below = format!("{folder}/{name}");
            let child = match &item.content {
                Some((_, items)) => self.add(sources, source, (Some(id), items), &below),
                None => {
                    let file = match path_attribute(item) {
                        Some(path) => normal(&format!("{}/{path}", up(&source.path))),
                        None if sources.contains_key(&format!("{below}.rs")) => format!("{below}.rs"),
                        None => format!("{below}/mod.rs"),
                    };
                    let Some(source) = sources.get(&file) else { continue };
                    let folder = file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).unwrap_or(&below);
                    self.add(sources, source, (Some(id), &source.production.items), folder)
                }
            };
            self.modules[id].names.entry(name).or_default().push(Entry::Module(child));
        }
        id
    }
}

impl Module<'_> {
    /// Notes what an item brings into the module.
    fn name(&mut self, item: &Item) {
        let ident = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(ident) => {
                    self.macros.insert(ident.to_string());
                    // What it defines, it defines where it is called, which is mostly the same file.
                    idents(item.mac.tokens.clone(), false, &mut self.generated);
                    if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        self.exported.insert(ident.to_string());
                    }
                    ident
                }
                None => return self.generate(&item.mac),
            },
            Item::Use(item) => return self.import(item),
            _ => return Inner(self).visit_item(item),
        };
        self.names.entry(ident.to_string()).or_default().push(Entry::Item);
        Inner(self).visit_item(item);
    }

    fn import(&mut self, item: &ItemUse) {
        for import in imports(item) {
            match import.name {
                Some(name) => self.names.entry(name).or_default().push(Entry::Use(import.path)),
                None => self.globs.push(import.path),
            }
        }
    }

    fn generate(&mut self, call: &syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        self.included |= name.starts_with("include");
        idents(call.tokens.clone(), self.macros.contains(&name), &mut self.generated);
    }
}

/// The `use` lines inside functions.
struct Inner<'m, 'a>(&'m mut Module<'a>);

impl Visit<'_> for Inner<'_, '_> {
    fn visit_item_use(&mut self, item: &ItemUse) {
        self.0.import(item);
    }

    fn visit_item_mod(&mut self, _: &syn::ItemMod) {}
}

/// A name that a `use` takes; without one it takes all.
pub(crate) struct Import {
    pub(crate) path: Parts,
    pub(crate) name: Option<String>,
}

/// What a `use` takes, one by one.
pub(crate) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut all = Vec::new();
    if item.leading_colon.is_none() {
        flatten(&item.tree, &mut Vec::new(), &mut all);
    }
    all
}

fn flatten(tree: &UseTree, path: &mut Parts, all: &mut Vec<Import>) {
    let mut push = |ident: String, name: String, path: &Parts| {
        let mut path = path.clone();
        if ident != "self" || path.is_empty() {
            path.push(ident.clone());
        }
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        all.push(Import { path, name: Some(name) });
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            flatten(&part.tree, path, all);
            path.pop();
        }
        UseTree::Name(part) => push(part.ident.to_string(), part.ident.to_string(), path),
        UseTree::Rename(part) => push(part.ident.to_string(), part.rename.to_string(), path),
        UseTree::Glob(_) => all.push(Import { path: path.clone(), name: None }),
        UseTree::Group(group) => group.items.iter().for_each(|part| flatten(part, path, all)),
    }
}

/// The names in the call of a macro: those after a keyword that defines, or every one.
fn idents(tokens: TokenStream, every: bool, into: &mut BTreeSet<String>) {
    const DEFINE: [&str; 8] = ["struct", "enum", "fn", "const", "static", "type", "trait", "union"];
    let mut defines = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let ident = ident.to_string();
                let keyword = DEFINE.contains(&ident.as_str());
                if defines || every {
                    into.insert(ident);
                }
                defines = keyword;
            }
            TokenTree::Group(group) => idents(group.stream(), every, into),
            _ => {}
        }
    }
}

fn path_attribute(item: &syn::ItemMod) -> Option<String> {
    item.attrs.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(path), .. }) = &pair.value else { return None };
        Some(path.value())
    })
}

/// Whether cargo starts to read a crate at this file of its folder.
fn is_root(inside: &str) -> bool {
    let program = inside.strip_prefix("src/bin/").unwrap_or_default();
    matches!(inside, "src/lib.rs" | "src/main.rs" | "build.rs")
        || program.strip_suffix("/main.rs").or(program.strip_suffix(".rs")).is_some_and(|name| !name.contains('/'))
}

fn up(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path without `..`.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
