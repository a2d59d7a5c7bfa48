//! The shape of the code, as far as a test can see it. Files are parsed, so that tests, production code, strings and
//! comments are told apart. Every rule is a function of sources, which its self-tests give it in memory.

mod circles;
mod clock;
mod configuration;
mod fences;
mod graph;
mod house;
mod logs;
mod manifests;
mod migrations;
mod names;
mod plan;
mod scan;
mod shape;
mod sleeps;
mod source;
mod sql;
mod tokens;
mod tree;
mod uses;
mod uses_tests;
