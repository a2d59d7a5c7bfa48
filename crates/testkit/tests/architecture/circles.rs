//! Circles of files that use each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::uses::Edges;

/// Files that all reach each other.
pub(crate) type Circle = BTreeSet<String>;

/// The circles of a graph: its strongly connected components of more than one file, by Tarjan's algorithm.
pub(crate) fn circles(edges: &Edges) -> Vec<Circle> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        next.entry(from).or_default().push(to);
    }
    let mut walk = Tarjan { next: &next, numbers: BTreeMap::new(), stack: Vec::new(), circles: Vec::new() };
    for file in next.keys() {
        walk.visit(file);
    }
    walk.circles
}

/// The circles with the names that tie them, for people.
pub(crate) fn report(name: &str, edges: &Edges) -> Vec<String> {
    let tell = |circle: &Circle| {
        let mut text = format!("{name}: a circle of {} files", circle.len());
        let ties = edges.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
        for ((from, to), names) in ties {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            write!(text, "\n    {from} -> {to}: {}", names.join(", ")).expect("into a String");
        }
        text
    };
    circles(edges).iter().map(tell).collect()
}

struct Tarjan<'a> {
    next: &'a BTreeMap<&'a str, Vec<&'a str>>,
    /// In which order a file was reached, and the lowest of the open ones that it reaches.
    numbers: BTreeMap<&'a str, (usize, usize)>,
    stack: Vec<&'a str>,
    circles: Vec<Circle>,
}

impl<'a> Tarjan<'a> {
    fn visit(&mut self, file: &'a str) {
        if self.numbers.contains_key(file) {
            return;
        }
        let number = self.numbers.len();
        let mut low = number;
        self.numbers.insert(file, (number, number));
        self.stack.push(file);
        for to in self.next.get(file).into_iter().flatten() {
            if !self.numbers.contains_key(to) {
                self.visit(to);
                low = low.min(self.numbers[to].1);
            } else if self.stack.contains(to) {
                low = low.min(self.numbers[to].0);
            }
        }
        self.numbers.insert(file, (number, low));
        if low == number {
            let start = self.stack.iter().position(|open| *open == file).expect("on the stack");
            let closed = self.stack.split_off(start);
            if closed.len() > 1 {
                self.circles.push(closed.into_iter().map(str::to_owned).collect());
            }
        }
    }
}
