//! The JSON Schema of `operator.toml`, generated from the types.

use super::file::File;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

/// The JSON Schema of `operator.toml`. Keys with a unit have `x-unit`, limits also
/// `x-when-reached`.
#[must_use]
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(for_toml))
        .into_generator()
        .into_root_schema_for::<File>()
        .to_value()
}

/// TOML has no null and no integers beyond 64 bits with sign; every number of the configuration is
/// above zero; and only tables with names of the user are open.
fn for_toml(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get("type") {
        let kind = types.iter().find(|kind| *kind != "null").cloned();
        object.insert("type".to_owned(), kind.unwrap_or_default());
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if object.get("type") == Some(&json!("integer")) {
        let format = object.remove("format");
        let max = if format == Some(json!("uint32")) {
            i64::from(u32::MAX)
        } else {
            i64::MAX
        };
        object.insert("minimum".to_owned(), 1.into());
        object.insert("maximum".to_owned(), max.into());
    }
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_published_schema_is_generated_from_the_types() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/config.json");
        let expected = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("OPERATOR_BLESS").is_some() {
            return std::fs::write(&path, &expected).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap();
        assert!(published == expected, "run this test with OPERATOR_BLESS=1");
    }
}
