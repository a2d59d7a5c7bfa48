//! The OpenAPI document as one HTML page, rendered here so that it needs no script and nothing from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;
use utoipa::openapi::OpenApi;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
h1{margin-bottom:0}h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de;text-transform:capitalize}\
details{border:1px solid #d0d7de;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}\
summary{cursor:pointer}code,.m{font-family:ui-monospace,monospace}.m{display:inline-block;width:4.5rem;font-weight:700}\
.GET{color:#0969da}.POST{color:#1a7f37}.PUT,.PATCH{color:#9a6700}.DELETE{color:#cf222e}\
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #d0d7de;padding:.2rem .6rem;text-align:left}\
pre{background:#f6f8fa;padding:.6rem;overflow:auto}.lock{float:right;color:#57606a}";

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Sections at the beginning of the page, in this order.
const FIRST: [&str; 3] = ["auth", "users", "products"];

/// Sections at its end; those of all other tags stand between.
const LAST: [&str; 2] = ["admin", "operations"];

/// Renders the page.
pub(crate) fn render(api: &OpenApi) -> String {
    let document = serde_json::to_value(api).unwrap_or_default();
    let mut page = String::with_capacity(32 * 1024);
    let title = text(&document["info"]["title"]);
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title} API</title><style>{STYLE}</style><h1>{title} API</h1><p>{} Version {}. \
         <a href=/openapi.json>openapi.json</a></p>",
        text(&document["info"]["description"]),
        text(&document["info"]["version"]),
    );
    let mut operations: Vec<_> = operations(&document).collect();
    // Stable, so that paths stay in their order within a section.
    operations.sort_by_key(|(_, _, operation)| rank(tag(operation)));
    let mut section = "";
    for (path, method, operation) in operations {
        if tag(operation) != section {
            section = tag(operation);
            let _ = write!(page, "<h2>{}</h2>", escape(section));
        }
        operation_section(&mut page, &document, method, path, operation);
    }
    page
}

/// Path, method and description of everything the API does.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &'static str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let methods = paths.flat_map(|(path, item)| METHODS.map(|method| (path.as_str(), method, &item[method])));
    methods.filter(|(_, _, operation)| !operation.is_null())
}

fn tag(operation: &Value) -> &str {
    operation["tags"][0].as_str().unwrap_or("other")
}

/// Where the section of a tag stands; those that are neither first nor last by their names.
fn rank(tag: &str) -> (usize, &str) {
    let position = |tags: &[&str]| tags.iter().position(|known| *known == tag);
    match (position(&FIRST), position(&LAST)) {
        (Some(position), _) => (position, ""),
        (None, Some(position)) => (FIRST.len() + 1 + position, ""),
        (None, None) => (FIRST.len(), tag),
    }
}

fn operation_section(page: &mut String, document: &Value, method: &str, path: &str, operation: &Value) {
    let method = method.to_uppercase();
    let lock = if operation["security"].is_array() { "<span class=lock>Bearer token</span>" } else { "" };
    let _ = write!(
        page,
        "<details><summary><span class=\"m {method}\">{method}</span> <code>{}</code> {} {lock}</summary><p>{}</p>",
        escape(path),
        text(&operation["summary"]),
        text(&operation["description"]),
    );
    if let Some(parameters) = operation["parameters"].as_array() {
        page.push_str("<table><tr><th>Parameter<th>In<th>Meaning</tr>");
        for parameter in parameters {
            let _ = write!(
                page,
                "<tr><td><code>{}</code><td>{}<td>{}</tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                text(&parameter["description"]),
            );
        }
        page.push_str("</table>");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = write!(page, "Body<pre>{}</pre>", example(document, body));
    }
    page.push_str("<table><tr><th>Status<th>Meaning</tr>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let _ = write!(page, "<tr><td>{}<td>{}</tr>", escape(status), text(&response["description"]));
    }
    page.push_str("</table>");
    let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    if !answer.is_null() {
        let _ = write!(page, "Answer<pre>{}</pre>", example(document, answer));
    }
    page.push_str("</details>");
}

/// A value of the schema, from its examples, as indented JSON.
fn example(document: &Value, schema: &Value) -> String {
    escape(&serde_json::to_string_pretty(&sample(document, schema, 0)).unwrap_or_default())
}

fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > 6 {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return sample(document, &document["components"]["schemas"][name], depth + 1);
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.first().cloned().unwrap_or_default();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, field)| (name.clone(), sample(document, field, depth + 1))).collect()
        }
        "array" => Value::Array(vec![sample(document, &schema["items"], depth + 1)]),
        "integer" | "number" => 1.into(),
        "boolean" => true.into(),
        _ => "…".into(),
    }
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_on_the_page_also_under_a_tag_that_nobody_has_ordered() {
        let mut api = crate::routes::openapi();
        let document = serde_json::to_value(&api).expect("JSON");
        let count = |page: &str| page.matches("<details>").count();
        assert_eq!(count(&render(&api)), operations(&document).count());
        for item in api.paths.paths.values_mut() {
            if let Some(operation) = &mut item.get {
                operation.tags = Some(vec!["baskets".to_owned()]);
            }
        }
        let page = render(&api);
        assert_eq!(count(&page), operations(&document).count());
        let place = |section: &str| page.find(&format!("<h2>{section}</h2>")).expect(section);
        assert!(place("users") < place("baskets") && place("baskets") < place("admin"));
        assert_eq!(page.matches("<h2>baskets").count(), 1);
    }
}
