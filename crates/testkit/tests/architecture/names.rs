//! Which file defines what a path names.

use std::collections::BTreeSet;

use crate::tree::{Crate, Entry, Parts};

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Module(usize),
    /// An item by the module that defines it and its name there.
    Item(usize, String),
}

/// The paths and names on the way, so that re-exports that go round end.
type Seen = BTreeSet<(usize, String)>;

impl Crate<'_> {
    /// What the path means in the module. Empty for what other crates define.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> BTreeSet<Target> {
        self.walk(module, path, &mut Seen::new())
    }

    /// The macro that is called by this name alone: macros are seen from all modules below, too.
    pub(crate) fn resolve_macro(&self, module: usize, name: &str) -> BTreeSet<Target> {
        let mut at = Some(module);
        while let Some(module) = at {
            let found = self.resolve(module, &[name.to_owned()]);
            if self.modules[module].macros.contains(name) || !found.is_empty() {
                return found;
            }
            at = self.modules[module].parent;
        }
        BTreeSet::new()
    }

    /// Whether the path ends in a re-export of what another crate defines.
    pub(crate) fn leads_outside(&self, module: usize, path: &[String]) -> bool {
        let Some((name, above)) = path.split_last() else { return false };
        self.resolve(module, above).into_iter().any(|target| {
            let Target::Module(module) = target else { return false };
            let entries = self.modules[module].names.get(name).into_iter().flatten();
            let mut outside = entries.filter(
                |entry| matches!(entry, Entry::Use(path) if self.resolve(module, &path[..1.min(path.len())]).is_empty()),
            );
            outside.next().is_some()
        })
    }

    fn walk(&self, module: usize, path: &[String], seen: &mut Seen) -> BTreeSet<Target> {
        let Some((head, rest)) = path.split_first() else { return BTreeSet::new() };
        let mut targets = self.head(module, head, seen);
        for part in rest {
            if targets.iter().any(|target| matches!(target, Target::Module(_))) {
                targets.retain(|target| matches!(target, Target::Module(_)));
            }
            targets = targets
                .into_iter()
                .flat_map(|target| match target {
                    Target::Module(module) if part == "super" => {
                        self.modules[module].parent.map(Target::Module).into_iter().collect()
                    }
                    Target::Module(module) => self.look_up(module, part, seen),
                    item => BTreeSet::from([item]),
                })
                .collect();
        }
        targets
    }

    fn head(&self, module: usize, head: &str, seen: &mut Seen) -> BTreeSet<Target> {
        let this = &self.modules[module];
        let special = match head {
            "crate" => Some(this.root),
            "$crate" => Some(self.library.unwrap_or(this.root)),
            "self" => Some(module),
            "super" => this.parent,
            _ => None,
        };
        let special = special.map(|module| BTreeSet::from([Target::Module(module)]));
        let found = special.unwrap_or_else(|| self.look_up(module, head, seen));
        match self.library {
            Some(library) if found.is_empty() && head == self.name => BTreeSet::from([Target::Module(library)]),
            _ => found,
        }
    }

    fn look_up(&self, module: usize, name: &str, seen: &mut Seen) -> BTreeSet<Target> {
        if !seen.insert((module, name.to_owned())) {
            return BTreeSet::new();
        }
        let this = &self.modules[module];
        let item = || BTreeSet::from([Target::Item(module, name.to_owned())]);
        let found = if let Some(entries) = this.names.get(name) {
            entries
                .iter()
                .flat_map(|entry| match entry {
                    Entry::Item => item(),
                    Entry::Module(child) => BTreeSet::from([Target::Module(*child)]),
                    Entry::Use(path) => self.walk(module, path, seen),
                })
                .collect()
        } else if this.generated.contains(name) {
            item()
        } else {
            self.by_globs(module, name, seen)
        };
        seen.remove(&(module, name.to_owned()));
        if found.is_empty() && !this.names.contains_key(name) {
            return self.by_macro(module, name);
        }
        found
    }

    fn by_globs(&self, module: usize, name: &str, seen: &mut Seen) -> BTreeSet<Target> {
        let globs: &[Parts] = &self.modules[module].globs;
        let targets: BTreeSet<_> = globs.iter().flat_map(|path| self.walk(module, path, seen)).collect();
        let modules = targets.into_iter().filter_map(|target| match target {
            Target::Module(module) => Some(module),
            Target::Item(..) => None,
        });
        modules.flat_map(|module| self.look_up(module, name, seen)).collect()
    }

    /// A macro with `#[macro_export]` is found at the root, wherever it stands.
    fn by_macro(&self, module: usize, name: &str) -> BTreeSet<Target> {
        let is_root = self.modules[module].root == module;
        let definers =
            self.modules.iter().enumerate().filter(|(id, other)| {
                is_root && *id != module && other.root == module && other.exported.contains(name)
            });
        definers.map(|(id, _)| Target::Item(id, name.to_owned())).collect()
    }
}
