//! The protos follow the naming rules of the field and document everything they declare.

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn files() -> Vec<FileDescriptorProto> {
    FileDescriptorSet::decode(contracts::DESCRIPTORS).expect("the build wrote a descriptor set").file
}

fn commented(file: &FileDescriptorProto, path: &[i32]) -> bool {
    let info = file.source_code_info.as_ref().expect("built with source info");
    info.location.iter().any(|location| location.path == path && !location.leading_comments().trim().is_empty())
}

fn is_snake(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn check_message(file: &FileDescriptorProto, index: usize, message: &DescriptorProto, problems: &mut Vec<String>) {
    let index = i32::try_from(index).expect("few messages");
    if !is_pascal(message.name()) {
        problems.push(format!("message {} is not PascalCase", message.name()));
    }
    if !commented(file, &[4, index]) {
        problems.push(format!("message {} has no comment", message.name()));
    }
    for (position, field) in message.field.iter().enumerate() {
        let name = format!("{}.{}", message.name(), field.name());
        if !is_snake(field.name()) {
            problems.push(format!("field {name} is not snake_case"));
        }
        if !commented(file, &[4, index, 2, i32::try_from(position).expect("few fields")]) {
            problems.push(format!("field {name} has no comment"));
        }
    }
}

#[test]
fn every_package_is_versioned_and_matches_its_folder() {
    for file in files() {
        let folder = file.name().rsplit_once('/').expect("in a folder").0.replace('/', ".");
        assert_eq!(file.package(), folder, "{}", file.name());
        assert!(file.package().ends_with(".v1"), "{} is not versioned", file.package());
    }
}

#[test]
fn names_follow_the_rules_and_everything_is_documented() {
    let mut problems = Vec::new();
    for file in files() {
        for (index, message) in file.message_type.iter().enumerate() {
            check_message(&file, index, message, &mut problems);
        }
        for (index, item) in file.enum_type.iter().enumerate() {
            let prefix = item.name().to_uppercase();
            for value in &item.value {
                if !value.name().starts_with(&format!("{prefix}_")) {
                    problems.push(format!("enum value {} lacks the prefix {prefix}_", value.name()));
                }
            }
            if !item.value[0].name().ends_with("_UNSPECIFIED") || item.value[0].number() != 0 {
                problems.push(format!("enum {} does not start with _UNSPECIFIED = 0", item.name()));
            }
            if !commented(&file, &[5, i32::try_from(index).expect("few enums")]) {
                problems.push(format!("enum {} has no comment", item.name()));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_call_has_its_own_request_and_response() {
    let mut problems = Vec::new();
    let mut calls = 0;
    for file in files() {
        for (service, item) in file.service.iter().enumerate() {
            assert!(item.name().ends_with("Service"), "{} does not end in Service", item.name());
            for (method, call) in item.method.iter().enumerate() {
                calls += 1;
                let path = [6, i32::try_from(service).expect("few"), 2, i32::try_from(method).expect("few")];
                let expected = |suffix: &str| format!(".{}.{}{suffix}", file.package(), call.name());
                if call.input_type() != expected("Request") || call.output_type() != expected("Response") {
                    problems.push(format!("{} does not use its own request and response", call.name()));
                }
                if !commented(&file, &path) {
                    problems.push(format!("{} has no comment", call.name()));
                }
            }
        }
    }
    assert!(calls >= 17, "only {calls} calls found");
    assert!(problems.is_empty(), "{problems:#?}");
}
