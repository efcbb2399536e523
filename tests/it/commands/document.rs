//! The OpenAPI document of the API is that of the code.

use serde_json::Value;

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi-api.json");
    let document = quittance::api::document().to_pretty_json().unwrap();
    if std::env::var_os("QUITTANCE_UPDATE_DOCS").is_some() {
        std::fs::write(path, document.clone() + "\n").unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert!(
        committed == document,
        "docs/openapi-api.json is stale: QUITTANCE_UPDATE_DOCS=1 cargo test --features dev --test it commands::document"
    );
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let refusal = &call["responses"]["default"]["content"]["application/problem+json"];
            let schema = &refusal["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}");
        }
    }
}
