//! Compiles the protos with protox, so that no `protoc` has to be installed.

#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::path::PathBuf;

const PROTOS: [&str; 3] = ["auth/v1/auth.proto", "product/v1/product.proto", "user/v1/user.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(PROTOS)?;
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let descriptors = compiler.file_descriptor_set();
    let methods: Vec<String> = descriptors
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file, service)))
        .flat_map(|(file, service)| {
            service.method.iter().map(move |m| format!("{}.{}/{}", file.package(), service.name(), m.name()))
        })
        .collect();
    std::fs::write(out.join("methods.rs"), format!("const METHODS: &[&str] = &{methods:?};\n"))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
