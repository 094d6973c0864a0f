//! The model catalogue: windows, prices, and what each model takes in `additionalModelRequestFields`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
