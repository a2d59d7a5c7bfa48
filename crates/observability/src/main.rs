//! `signalbox-rules`: writes what is generated from `observability/`, or checks that it is up to date.

fn main() {}
