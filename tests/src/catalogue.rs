//! The model catalogue: windows, prices, and what each model takes in `additionalModelRequestFields`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Config;
use crate::refusal::Refusal;

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The wire id.
    pub id: String,
    /// The context window in tokens.
    pub window: u64,
    /// Most output tokens.
    pub output: u64,
    /// Credits per request, relative.
    pub rate: f64,
    /// Whether it takes images.
    #[serde(default)]
    pub images: bool,
    /// The schema of `additionalModelRequestFields`. `None`: the model takes none.
    #[serde(default)]
    pub schema: Option<Value>,
}

impl Model {
    /// The model's entry in `ListAvailableModels`.
    pub fn encode(&self) -> Value {
        let inputs = if self.images { json!(["TEXT", "IMAGE"]) } else { json!(["TEXT"]) };
        let mut entry = json!({
            "modelId": self.id, "modelName": self.id, "description": format!("Simulated {}", self.id),
            "rateMultiplier": self.rate, "rateUnit": "Credit", "supportedInputTypes": inputs,
            "tokenLimits": { "maxInputTokens": self.window, "maxOutputTokens": self.output },
            "promptCaching": {
                "supportsPromptCaching": true, "minimumTokensPerCacheCheckpoint": 1024, "maximumCacheCheckpointsPerRequest": 4
            }
        });
        if let (Some(schema), Some(members)) = (&self.schema, entry.as_object_mut()) {
            members.insert("additionalModelRequestFieldsSchema".to_owned(), schema.clone());
        }
        entry
    }
}

/// The model of an id, whoever asks, with the schema it has now.
pub fn find(config: &Config, id: &str) -> Option<Model> {
    let model = config.models.iter().find(|model| model.id == id)?.clone();
    let schema = match config.schemas.get(id) {
        None => model.schema,
        Some(Value::Bool(false)) => None,
        Some(schema) => Some(schema.clone()),
    };
    Some(Model { schema, ..model })
}

/// Whether an account's plan offers it a model.
pub fn is_offered(config: &Config, label: &str, id: &str) -> bool {
    config.plans.get(label).is_none_or(|ids| ids.iter().any(|other| other == id))
}

/// A page of the models that an account is offered, from that number on.
pub fn page(config: &Config, label: &str, from: usize, size: usize) -> Value {
    let all = config.models.iter().filter(|model| is_offered(config, label, &model.id));
    let all: Vec<Model> = all.filter_map(|model| find(config, &model.id)).collect();
    let size = size.clamp(1, config.models_page.max(1));
    let page: Vec<Value> = all.iter().skip(from).take(size).map(Model::encode).collect();
    let next = (from.saturating_add(size) < all.len()).then(|| (from + size).to_string());
    json!({ "defaultModel": { "modelId": all.first().map(|model| &model.id) }, "models": page, "nextToken": next })
}

/// The refusal of a field that the model's schema has and the model does not take after all.
pub fn refused_field(config: &Config, id: &str, fields: &Value) -> Option<Refusal> {
    let field = config.refused_fields.get(id)?.iter().find(|field| fields.get(field.as_str()).is_some())?;
    let message = format!(
        "Invalid additionalModelRequestFields: property '{field}' is not defined in the schema and the schema does \
         not allow additional properties"
    );
    Some(Refusal::validation(message).because("REQUEST_BODY_INVALID"))
}

/// The refusal of a model that an account is not offered.
pub fn not_offered() -> Refusal {
    Refusal::preset("model").unwrap_or_else(Refusal::improper)
}

/// The default catalogue.
pub fn models() -> Vec<Model> {
    let full: &[&str] = &["low", "medium", "high", "xhigh", "max"];
    let plain: &[&str] = &["low", "medium", "high", "max"];
    let mut models = vec![row("auto", 1_000_000, 64_000, 1.0)];
    for id in ["claude-opus-5.5", "claude-opus-5", "claude-opus-4.8", "claude-opus-4.7"] {
        models.push(claude(id, 1_000_000, 128_000, 2.2, full));
    }
    models.push(claude("claude-opus-4.6", 1_000_000, 64_000, 2.2, plain));
    models.push(sighted("claude-opus-4.5", 200_000, 64_000, 2.2));
    models.push(claude("claude-sonnet-5", 1_000_000, 64_000, 1.3, full));
    models.push(claude("claude-sonnet-4.6", 1_000_000, 64_000, 1.3, plain));
    models.push(sighted("claude-sonnet-4.5", 200_000, 64_000, 1.3));
    models.push(sighted("claude-sonnet-4", 200_000, 64_000, 1.3));
    models.push(sighted("claude-haiku-4.5", 200_000, 64_000, 0.4));
    models.push(claude("claude-fable-5", 1_000_000, 64_000, 1.0, full));
    for (id, rate) in [("gpt-5.6-sol", 2.4), ("gpt-5.6-terra", 1.2), ("gpt-5.6-luna", 0.6)] {
        let mut model = sighted(id, 272_000, 64_000, rate);
        model.schema = Some(reasoning());
        models.push(model);
    }
    for (id, window, rate) in [
        ("deepseek-3.2", 128_000, 0.25),
        ("minimax-m2.5", 196_000, 0.25),
        ("minimax-m2.1", 196_000, 0.15),
        ("glm-5", 200_000, 0.5),
        ("qwen3-coder-next", 256_000, 0.05),
    ] {
        models.push(row(id, window, 64_000, rate));
    }
    models
}

fn row(id: &str, window: u64, output: u64, rate: f64) -> Model {
    Model { id: id.to_owned(), window, output, rate, images: false, schema: None }
}

fn sighted(id: &str, window: u64, output: u64, rate: f64) -> Model {
    Model { images: true, ..row(id, window, output, rate) }
}

fn claude(id: &str, window: u64, output: u64, rate: f64, efforts: &[&str]) -> Model {
    let schema = json!({
        "type": "object", "additionalProperties": false, "properties": {
            "thinking": { "type": "object", "required": ["type"], "properties": {
                "type": { "type": "string", "enum": ["adaptive", "disabled"] },
                "display": { "type": "string", "enum": ["summarized", "omitted"] } } },
            "output_config": { "type": "object", "properties": {
                "effort": { "type": "string", "enum": efforts, "default": "high" } } },
            "max_tokens": { "type": "integer", "minimum": 1024, "maximum": output } }
    });
    Model { schema: Some(schema), ..sighted(id, window, output, rate) }
}

fn reasoning() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "properties": {
            "reasoning": { "type": "object", "properties": {
                "effort": { "type": "string", "enum": ["low", "medium", "high", "xhigh", "max"] } } } }
    })
}
