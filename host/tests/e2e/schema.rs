//! A validator for the part of JSON Schema that docs/schema uses.

use serde_json::Value;
use std::path::Path;

/// Panics with the place of the first difference.
pub(crate) fn assert_valid(schema: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/schema")
        .join(schema);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parsed: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{schema}: {e}"));
    if let Err(difference) = validate(&parsed, value, "$") {
        panic!("{schema}: {difference}\nin {value}");
    }
}

fn validate(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    for (keyword, rule) in schema
        .as_object()
        .ok_or_else(|| format!("{place}: the schema is no object"))?
    {
        match keyword.as_str() {
            "type" => one_of_types(rule, value, place)?,
            "enum"
                if !rule
                    .as_array()
                    .is_some_and(|allowed| allowed.contains(value)) =>
            {
                return Err(format!("{place}: {value} is none of {rule}"));
            }
            "properties" => properties(rule, value, place)?,
            "required" => required(rule, value, place)?,
            "items" => items(rule, value, place)?,
            "oneOf" => one_schema(rule, value, place)?,
            "minimum" | "maximum" | "minItems" | "maxItems" => bound(keyword, rule, value, place)?,
            "pattern" => timestamp(value, place)?,
            "enum" | "$schema" | "title" | "description" => {}
            other => return Err(format!("the validator does not know {other:?}: teach it")),
        }
    }
    Ok(())
}

fn one_of_types(rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    let single = [rule.clone()];
    let allowed = rule.as_array().map_or(&single[..], Vec::as_slice);
    let fits = |name: &Value| match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        _ => false,
    };
    if allowed.iter().any(fits) {
        Ok(())
    } else {
        Err(format!("{place}: {value} is not of type {rule}"))
    }
}

fn properties(rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    for (name, schema) in rule.as_object().into_iter().flatten() {
        if let Some(inner) = value.get(name) {
            validate(schema, inner, &format!("{place}.{name}"))?;
        }
    }
    Ok(())
}

fn required(rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    let missing = rule
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|name| value.get(name).is_none());
    missing.map_or(Ok(()), |name| Err(format!("{place}: {name} is missing")))
}

fn items(rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    let list = value.as_array().into_iter().flatten();
    list.enumerate()
        .try_for_each(|(index, item)| validate(rule, item, &format!("{place}[{index}]")))
}

fn one_schema(rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    let failures: Vec<String> = rule
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|schema| validate(schema, value, place).err())
        .collect();
    match rule.as_array().map_or(0, Vec::len) - failures.len() {
        1 => Ok(()),
        fitting => Err(format!(
            "{place}: {fitting} schemas fit; {}",
            failures.join("; ")
        )),
    }
}

fn bound(keyword: &str, rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    let number = value
        .as_f64()
        .or_else(|| value.as_array().map(|list| list.len() as f64));
    let (Some(limit), Some(number)) = (rule.as_f64(), number) else {
        return Ok(());
    };
    let holds = if keyword.starts_with("min") {
        number >= limit
    } else {
        number <= limit
    };
    if holds {
        Ok(())
    } else {
        Err(format!("{place}: {keyword} is {limit}, found {number}"))
    }
}

/// The only pattern in use: UTC with milliseconds.
fn timestamp(value: &Value, place: &str) -> Result<(), String> {
    let text = value.as_str().unwrap_or_default();
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape == "0000-00-00T00:00:00.000Z" {
        Ok(())
    } else {
        Err(format!("{place}: {text:?} is no time"))
    }
}

#[test]
fn the_validator_finds_what_does_not_fit() {
    let schema = serde_json::json!({"type": "object", "required": ["a"], "properties": {
        "a": {"enum": ["x"]}, "b": {"type": ["integer", "null"], "minimum": 1}, "t": {"pattern": "…"}}});
    let fits = |value: Value| validate(&schema, &value, "$").is_ok();
    assert!(fits(
        serde_json::json!({"a": "x", "b": 1, "more": true, "t": "2026-01-01T00:00:00.000Z"})
    ));
    for wrong in [
        "{}",
        r#"{"a":"y"}"#,
        r#"{"a":"x","b":0}"#,
        r#"{"a":"x","b":"1"}"#,
        r#"{"a":"x","t":"now"}"#,
        "[]",
    ] {
        assert!(!fits(serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}
