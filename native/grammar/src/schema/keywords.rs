//! JSON Schema's keywords: what values they take, and whether a grammar enforces them.

/// What a keyword's value has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// `true` or `false`.
    Boolean,
    /// A string.
    Text,
    /// A regular expression.
    Pattern,
    /// A string that names a format.
    Format,
    /// A reference to another schema.
    Reference,
    /// Any number.
    Number,
    /// A number above 0.
    Positive,
    /// A number, or a boolean as in draft 4.
    Bound,
    /// A whole number from 0.
    Count,
    /// A type's name, or several.
    Type,
    /// An array of anything.
    List,
    /// An array of different strings.
    Names,
    /// A schema.
    Schema,
    /// A schema, or an array of schemas as up to draft 2019-09.
    Items,
    /// An array of at least one schema.
    Schemas,
    /// An object whose values are schemas.
    Map,
    /// The same, its names being regular expressions.
    PatternMap,
}

/// What becomes of a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// Every answer follows it.
    Enforced,
    /// It constrains nothing.
    Annotation,
    /// It cannot be enforced.
    Unsupported,
}

/// A keyword by its name; None for names that JSON Schema does not define.
pub fn lookup(name: &str) -> Option<(Shape, Support)> {
    use Shape::*;
    use Support::*;
    Some(match name {
        "type" => (Type, Enforced),
        "enum" => (List, Enforced),
        "const" => (Any, Enforced),
        "multipleOf" => (Positive, Enforced),
        "minimum" | "maximum" => (Number, Enforced),
        "exclusiveMinimum" | "exclusiveMaximum" => (Bound, Enforced),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            (Count, Enforced)
        }
        "pattern" => (Pattern, Enforced),
        "format" => (Format, Enforced),
        "items" => (Items, Enforced),
        "prefixItems" | "allOf" | "anyOf" | "oneOf" => (Schemas, Enforced),
        "additionalItems" | "additionalProperties" => (Schema, Enforced),
        "properties" => (Map, Enforced),
        "patternProperties" => (PatternMap, Enforced),
        "required" => (Names, Enforced),
        "$ref" => (Reference, Enforced),
        "$defs" | "definitions" => (Map, Annotation),
        "$schema" | "$id" | "id" | "$anchor" | "$comment" | "title" | "description" | "contentEncoding"
        | "contentMediaType" => (Text, Annotation),
        "readOnly" | "writeOnly" | "deprecated" => (Boolean, Annotation),
        "default" | "examples" | "contentSchema" | "$vocabulary" => (Any, Annotation),
        "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties" => (Schema, Unsupported),
        "minContains" | "maxContains" => (Count, Unsupported),
        "uniqueItems" => (Boolean, Unsupported),
        "dependentSchemas" => (Map, Unsupported),
        "dependentRequired" | "dependencies" => (Any, Unsupported),
        "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" => (Text, Unsupported),
        "$recursiveAnchor" => (Boolean, Unsupported),
        _ => return None,
    })
}

/// The formats that are enforced.
pub const FORMATS: [&str; 11] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "unknown"];

/// The types.
pub const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
