//! The rule for a schema that others rely on: within a version, things are only added, and what is added is optional.
//!
//! A consumer may rely on each property that is always there, and on its type and limits. An example that was
//! recorded yesterday has to fit tomorrow. So a property keeps everything but its words; whatever else changes, to a
//! narrower or to a wider meaning, makes a new version.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that are for readers only.
const WORDS: [&str; 6] = ["$id", "$comment", "title", "description", "examples", "deprecated"];

/// What `new` breaks of what `old` promised. `name` is that of the event and its version.
pub(crate) fn breaking(name: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    compare(name, "", old, new, &mut problems);
    problems
}

fn compare(name: &str, path: &str, old: &Value, new: &Value, problems: &mut Vec<String>) {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        if old != new {
            problems.push(format!("{name}: {} was {old}, is {new}", place(path)));
        }
        return;
    };
    compare_keywords(name, path, old, new, problems);
    compare_required(name, path, old, new, problems);
    let none = Map::new();
    let properties = |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let new_properties = properties(new).unwrap_or_default();
    for (property, before) in &properties(old).unwrap_or(none) {
        let path = join(path, property);
        match new_properties.get(property) {
            Some(now) => compare(name, &path, before, now, problems),
            None => problems.push(format!("{name}: {} was removed", place(&path))),
        }
    }
    if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
        compare(name, &join(path, "[]"), old, new, problems);
    }
}

/// Everything but names of properties: types, formats, limits, allowed values.
fn compare_keywords(
    name: &str,
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    problems: &mut Vec<String>,
) {
    let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for keyword in keywords {
        let for_readers = WORDS.contains(&keyword.as_str()) || keyword.starts_with("x-");
        let structure = matches!(keyword.as_str(), "properties" | "required");
        let descend = keyword == "items" && old.contains_key(keyword) && new.contains_key(keyword);
        if for_readers || structure || descend || old.get(keyword) == new.get(keyword) {
            continue;
        }
        let shown = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
        let (before, now) = (shown(old.get(keyword)), shown(new.get(keyword)));
        problems.push(format!("{name}: `{keyword}` of {} was {before}, is {now}", place(path)));
    }
}

fn compare_required(
    name: &str,
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    problems: &mut Vec<String>,
) {
    let required = |schema: &Map<String, Value>| -> BTreeSet<String> {
        let names = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (old, new) = (required(old), required(new));
    for property in new.difference(&old) {
        problems.push(format!("{name}: {} is required now", place(&join(path, property))));
    }
    for property in old.difference(&new) {
        problems.push(format!("{name}: {} is not required any more", place(&join(path, property))));
    }
}

fn join(path: &str, property: &str) -> String {
    if path.is_empty() { property.to_owned() } else { format!("{path}.{property}") }
}

fn place(path: &str) -> String {
    if path.is_empty() { "the payload".to_owned() } else { format!("property `{path}`") }
}

mod tests {
    use serde_json::json;

    use super::*;

    const NAME: &str = "shop.opened v1";

    fn schema() -> Value {
        json!({
            "title": "shop.opened", "type": "object", "additionalProperties": true,
            "required": ["shop_id", "role"],
            "properties": {
                "shop_id": { "description": "Which.", "type": "string", "format": "uuid" },
                "role": { "type": "string", "enum": ["user", "admin"] },
                "by": { "type": ["string", "null"] },
                "place": { "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } },
                "tags": { "type": "array", "items": { "type": "string" } }
            }
        })
    }

    fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut new = schema();
        change(&mut new);
        breaking(NAME, &schema(), &new)
    }

    fn set(pointer: &'static str, value: Value) -> Vec<String> {
        after(|new| *new.pointer_mut(pointer).expect(pointer) = value)
    }

    #[test]
    fn additions_and_other_words_are_accepted() {
        assert_eq!(breaking(NAME, &schema(), &schema()), [""; 0]);
        let added = after(|new| new["properties"]["phone"] = json!({ "type": "string" }));
        assert_eq!(added, [""; 0]);
        let nested = after(|new| new["properties"]["place"]["properties"]["street"] = json!({ "type": "string" }));
        assert_eq!(nested, [""; 0]);
        assert_eq!(set("/properties/shop_id/description", json!("Which shop it is.")), [""; 0]);
        assert_eq!(after(|new| new["x-consumers"] = json!(["mail"])), [""; 0]);
        assert_eq!(set("/required", json!(["role", "shop_id"])), [""; 0], "in another order");
    }

    #[test]
    fn what_is_removed_is_named() {
        let remove = |pointer: &'static str, property: &str| {
            after(|new| drop(new.pointer_mut(pointer).and_then(Value::as_object_mut).expect(pointer).remove(property)))
        };
        assert_eq!(remove("/properties", "by"), ["shop.opened v1: property `by` was removed"]);
        let city = ["shop.opened v1: property `place.city` was removed"];
        assert_eq!(remove("/properties/place/properties", "city"), city);
        assert_eq!(remove("", "properties").len(), 5);
    }

    #[test]
    fn what_becomes_required_or_optional_is_named() {
        let problems = set("/required", json!(["shop_id", "role", "by"]));
        assert_eq!(problems, ["shop.opened v1: property `by` is required now"]);
        let problems = after(|new| {
            new["properties"]["phone"] = json!({ "type": "string" });
            new["required"] = json!(["shop_id", "role", "phone"]);
        });
        assert_eq!(problems, ["shop.opened v1: property `phone` is required now"], "new, but not optional");
        let problems = set("/required", json!(["shop_id"]));
        assert_eq!(problems, ["shop.opened v1: property `role` is not required any more"]);
        let problems = set("/properties/place/required", json!([]));
        assert_eq!(problems, ["shop.opened v1: property `place.city` is not required any more"]);
    }

    #[test]
    fn what_is_narrowed_or_widened_is_named() {
        for (pointer, value, problem) in [
            ("/properties/by/type", json!("string"), r#"`type` of property `by` was ["string","null"], is "string""#),
            (
                "/properties/shop_id/type",
                json!("integer"),
                r#"`type` of property `shop_id` was "string", is "integer""#,
            ),
            (
                "/properties/role/enum",
                json!(["user"]),
                r#"`enum` of property `role` was ["user","admin"], is ["user"]"#,
            ),
            (
                "/properties/tags/items/type",
                json!("integer"),
                r#"`type` of property `tags.[]` was "string", is "integer""#,
            ),
            (
                "/properties/place/properties/city/type",
                json!("null"),
                r#"`type` of property `place.city` was "string", is "null""#,
            ),
            ("/additionalProperties", json!(false), "`additionalProperties` of the payload was true, is false"),
            ("/properties/by", json!(false), r#"property `by` was {"type":["string","null"]}, is false"#),
        ] {
            assert_eq!(set(pointer, value), [format!("{NAME}: {problem}")]);
        }
        let limited = after(|new| new["properties"]["by"]["maxLength"] = json!(3));
        assert_eq!(limited, ["shop.opened v1: `maxLength` of property `by` was absent, is 3"]);
    }
}
