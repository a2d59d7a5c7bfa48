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
    let methods: Vec<(String, bool)> = descriptors
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file, service)))
        .flat_map(|(file, service)| {
            service.method.iter().map(move |method| {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                // Zero is IDEMPOTENCY_UNKNOWN, also what a method without the option has.
                let level = method.options.as_ref().map_or(0, |options| options.idempotency_level() as i32);
                (name, level != 0)
            })
        })
        .collect();
    let names: Vec<&str> = methods.iter().map(|(name, _)| name.as_str()).collect();
    let idempotent: Vec<&str> = methods.iter().filter(|method| method.1).map(|(name, _)| name.as_str()).collect();
    let lists = format!("const METHODS: &[&str] = &{names:?};\nconst IDEMPOTENT: &[&str] = &{idempotent:?};\n");
    std::fs::write(out.join("methods.rs"), lists)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
