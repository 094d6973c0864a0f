//! The service's own list of the models that an account is offered, a page at a time, from the control plane.

mod schema;

use std::borrow::Cow;

use serde::Deserialize;

use super::endpoint::{authorization, headers};
use super::fault::Fault;
use crate::host::{Head, Millis, Outbound};
use crate::models::Listed;
use crate::secret::Secret;

/// A page of models.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// Those with an id that can be one, in the service's order.
    pub models: Vec<Listed>,
    /// What to ask with for the next page, when there is one.
    pub next: Option<String>,
}

/// Asks a base of the control plane for a page of the models that an account is offered under a profile. `api_key` says
/// that the bearer is a `ksk_…` key and not an access token.
pub fn request(base: &str, bearer: &Secret, api_key: bool, profile_arn: Option<&str>, next: Option<&str>) -> Outbound {
    let mut headers = headers("application/x-amz-json-1.0");
    headers.push((Cow::Borrowed("x-amz-target"), "AmazonCodeWhispererService.ListAvailableModels".to_owned()));
    headers.push(authorization(bearer));
    if api_key {
        headers.push((Cow::Borrowed("tokentype"), "API_KEY".to_owned()));
    }
    let mut body = serde_json::json!({ "origin": "AI_EDITOR" });
    for (name, value) in [("profileArn", profile_arn), ("nextToken", next)] {
        if let (Some(value), Some(members)) = (value.filter(|value| !value.is_empty()), body.as_object_mut()) {
            members.insert(name.to_owned(), value.into());
        }
    }
    let body = body.to_string().into_bytes();
    Outbound { method: "POST", url: format!("{base}/"), headers, body, foreign: false }
}

/// Reads the answer. An entry that is no model is left out, and so is what an entry says that cannot be.
///
/// # Errors
/// What the service said instead; [`NotEventStream`](super::FaultKind::NotEventStream) for a success that
/// is not the service's.
pub fn read(head: &Head, body: &[u8], now: Millis) -> Result<Page, Fault> {
    let refused = || Fault::read(head, body, now);
    if head.status != 200 {
        return Err(refused());
    }
    let answer: wire::Answer = serde_json::from_slice(body).map_err(|_| refused())?;
    let models = answer.models.iter().filter_map(wire::listed).collect();
    Ok(Page { models, next: answer.next_token.filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN) })
}

mod wire {
    use serde_json::Value;

    use super::{Deserialize, Listed, schema};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Answer {
        /// Required: without it the answer is not the service's.
        pub(super) models: Vec<Value>,
        #[serde(default, deserialize_with = "text")]
        pub(super) next_token: Option<String>,
    }

    /// Anything but a text is none.
    fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(value.as_str().map(str::to_owned))
    }

    pub(super) fn listed(model: &Value) -> Option<Listed> {
        let limit = |name: &str| model.get("tokenLimits").and_then(|limits| limits.get(name)).map_or(0, tokens);
        let inputs = model.get("supportedInputTypes").and_then(Value::as_array);
        let listed = Listed {
            id: model.get("modelId")?.as_str()?.to_owned(),
            name: model.get("modelName").and_then(Value::as_str).unwrap_or_default().to_owned(),
            window: limit("maxInputTokens"),
            max_output: limit("maxOutputTokens"),
            images: inputs.map(|inputs| inputs.iter().any(|kind| kind == "IMAGE")),
            fields: model.get("additionalModelRequestFieldsSchema").map(schema::fields).unwrap_or_default(),
        };
        listed.checked()
    }

    /// A number of tokens; 0 for anything that is none.
    fn tokens(value: &Value) -> u32 {
        let whole = value.as_u64().or_else(|| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and NaN is 0")]
            value.as_f64().map(|number| number as u64)
        });
        whole.map_or(0, |number| u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// Bytes of a page's token.
const MAX_TOKEN: usize = 8 * 1024;
