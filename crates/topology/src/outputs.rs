//! Everything that repeats the list: whole files, and regions of files that are otherwise written by hand.

mod code;
mod compose;
mod docs;
mod manifest;
mod scripts;

use std::path::Path;

use crate::Topology;
use crate::files::{FileError, Output};

/// Every file that has to follow from the list. Files with a region are read below `root`.
///
/// # Errors
/// If a file with a region, or the manifest or configuration of a service, cannot be read, or has no such region.
pub fn outputs(root: &Path, topology: &Topology) -> Result<Vec<Output>, FileError> {
    let mut all = vec![compose::output(root, topology)?];
    all.extend(scripts::outputs(root, topology)?);
    all.extend(code::outputs(root, topology)?);
    all.extend(docs::outputs(root, topology)?);
    Ok(all)
}
