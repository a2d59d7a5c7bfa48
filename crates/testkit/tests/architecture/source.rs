//! One Rust file, parsed, and which of its lines are production: what stands under `#[cfg(test)]` is cut out wherever it
//! stands.

use std::ops::RangeInclusive;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, File, ImplItem, Item, Meta, Stmt, Token, TraitItem};

/// A parsed file.
pub(crate) struct Source {
    /// Relative to the root of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
    /// With its tests.
    pub(crate) whole: File,
    /// Without them.
    pub(crate) production: File,
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let whole = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut production = whole.clone();
        let mut cut = Cut::default();
        if is_test(&whole.attrs) {
            production.items.clear();
            cut.0.push(1..=text.lines().count());
        }
        cut.visit_file_mut(&mut production);
        Self { path: path.to_owned(), text: text.to_owned(), whole, production, tests: cut.0 }
    }

    /// Whether the line, counted from 1, belongs to a test.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&line))
    }

    /// How many lines are production.
    pub(crate) fn production_lines(&self) -> usize {
        (1..=self.text.lines().count()).filter(|line| !self.is_test_line(*line)).count()
    }
}

/// Whether the attributes leave their item to test builds.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        path.segments.last().is_some_and(|segment| segment.ident == "test")
            || path.is_ident("cfg") && attribute.parse_args().is_ok_and(|meta| needs_test(&meta))
    })
}

/// Whether `test` stands in the condition other than under a `not`.
fn needs_test(meta: &Meta) -> bool {
    match meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("any") || list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|parts| parts.iter().any(needs_test)),
        _ => false,
    }
}

/// Cuts the tests out of a file and notes their lines.
#[derive(Default)]
struct Cut(Vec<RangeInclusive<usize>>);

impl Cut {
    fn keeps(&mut self, attributes: &[Attribute], whole: &impl Spanned) -> bool {
        let test = is_test(attributes);
        if test {
            let span = whole.span();
            let first = attributes.iter().map(|attribute| attribute.span().start().line).min();
            self.0.push(first.unwrap_or(span.start().line)..=span.end().line);
        }
        !test
    }
}

impl VisitMut for Cut {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.items.retain(|item| self.keeps(attributes(item), item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| self.keeps(attributes(item), item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| match item {
            ImplItem::Const(part) => self.keeps(&part.attrs, item),
            ImplItem::Fn(part) => self.keeps(&part.attrs, item),
            ImplItem::Type(part) => self.keeps(&part.attrs, item),
            ImplItem::Macro(part) => self.keeps(&part.attrs, item),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_item_trait_mut(&mut self, block: &mut syn::ItemTrait) {
        block.items.retain(|item| match item {
            TraitItem::Const(part) => self.keeps(&part.attrs, item),
            TraitItem::Fn(part) => self.keeps(&part.attrs, item),
            TraitItem::Type(part) => self.keeps(&part.attrs, item),
            TraitItem::Macro(part) => self.keeps(&part.attrs, item),
            _ => true,
        });
        visit_mut::visit_item_trait_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(|statement| match statement {
            Stmt::Local(local) => self.keeps(&local.attrs, statement),
            Stmt::Item(item) => self.keeps(attributes(item), statement),
            Stmt::Macro(call) => self.keeps(&call.attrs, statement),
            Stmt::Expr(Expr::Block(part), _) => self.keeps(&part.attrs, statement),
            Stmt::Expr(Expr::Call(part), _) => self.keeps(&part.attrs, statement),
            Stmt::Expr(Expr::MethodCall(part), _) => self.keeps(&part.attrs, statement),
            Stmt::Expr(Expr::If(part), _) => self.keeps(&part.attrs, statement),
            Stmt::Expr(..) => true,
        });
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        let all = std::mem::take(&mut fields.named);
        fields.named = all.into_iter().filter(|field| self.keeps(&field.attrs, field)).collect();
        visit_mut::visit_fields_named_mut(self, fields);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        let all = std::mem::take(&mut item.variants);
        item.variants = all.into_iter().filter(|variant| self.keeps(&variant.attrs, variant)).collect();
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_expr_match_mut(&mut self, expression: &mut syn::ExprMatch) {
        expression.arms.retain(|arm| self.keeps(&arm.attrs, arm));
        visit_mut::visit_expr_match_mut(self, expression);
    }
}

/// The attributes of an item of any kind.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
