//! An object, and the same object with one field made odd.

use serde_json::{Value, json};

/// Mutations of a field.
pub(super) const WAYS: [&str; 14] = [
    "null", "absent", "type", "word", "object", "deleted", "beyond", "largest", "smallest", "safe",
    "fraction", "nul", "half", "long",
];

/// A field, made odd in one way.
pub(super) struct Mutation {
    /// Its path, as errors write it, without the places in lists.
    pub(super) path: String,
    /// In which way.
    pub(super) way: &'static str,
    /// The whole object.
    pub(super) object: Value,
}

impl Mutation {
    /// The field's own name.
    pub(super) fn field(&self) -> &str {
        self.path.rsplit('.').next().unwrap()
    }
}

/// The object with each of its fields made odd in each way.
pub(super) fn of(object: &Value) -> Vec<Mutation> {
    let mut pointers = Vec::new();
    collect(object, String::new(), &mut pointers);
    let mut all = Vec::new();
    for pointer in pointers {
        for way in WAYS {
            let mut object = object.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            let fields = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match odd(way, &fields[&key]) {
                Some(value) => fields[&key] = value,
                None => drop(fields.remove(&key)),
            }
            let names = pointer.split('/').filter(|name| name.parse::<usize>().is_err());
            let path = names.skip(1).collect::<Vec<_>>().join(".");
            all.push(Mutation { path, way, object });
        }
    }
    all
}

fn collect(value: &Value, at: String, into: &mut Vec<String>) {
    if let Some(fields) = value.as_object() {
        for (key, value) in fields {
            let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            into.push(at.clone());
            collect(value, at, into);
        }
    } else if let Some(first) = value.as_array().and_then(|list| list.first()) {
        collect(first, format!("{at}/0"), into);
    }
}

fn odd(way: &str, value: &Value) -> Option<Value> {
    Some(match way {
        "absent" => return None,
        "null" => Value::Null,
        "type" if value.is_string() => json!(5),
        "type" => json!("5"),
        "word" => json!("word_of_tomorrow"),
        "object" => json!({"id": "obj_9", "object": "thing", "name": "x"}),
        "deleted" => json!({"id": "obj_9", "object": "thing", "deleted": true}),
        "beyond" => json!(1e300),
        "largest" => json!(i64::MAX),
        "smallest" => json!(i64::MIN),
        "safe" => json!((1_i64 << 53) - 1),
        "fraction" => json!(0.5),
        "nul" => json!("a\0b"),
        // As the parser leaves it: see `quittance::surrogates`.
        "half" => json!("a\u{fffd}"),
        "long" => json!("x".repeat(10_000)),
        other => unreachable!("{other}"),
    })
}
