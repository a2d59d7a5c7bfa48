//! The degradation matrix: every dependency, every way it fails, and what users see of it. The table is the one of
//! `docs/degradation.md`; each of its rows is a cell here, and each cell a row there.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test that tells how far it is")]
