//! Errors before the stream: status, exception name, message and reason of every known kind.

use serde::{Deserialize, Serialize};

/// An HTTP error answer in the service's shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The exception name, sent in `x-amzn-errortype`. Empty: no such header.
    #[serde(default)]
    pub kind: String,
    /// The `message` member.
    #[serde(default)]
    pub message: String,
    /// The `reason` member; `null` on the wire when absent.
    #[serde(default)]
    pub reason: Option<String>,
    /// The `retry-after` header, written as it is.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// Replaces the whole body.
    #[serde(default)]
    pub body: Option<String>,
    /// Replaces the content type of the body.
    #[serde(default)]
    pub content_type: Option<String>,
}

impl Refusal {
    /// A refusal with a message and no reason.
    pub fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            reason: None,
            retry_after: None,
            body: None,
            content_type: None,
        }
    }

    /// The same refusal with a reason.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// The catch-all of the service: `Improperly formed request.` without a reason.
    pub fn improper() -> Self {
        Self::new(400, "ValidationException", IMPROPER)
    }

    /// The catch-all with the reason `REQUEST_BODY_INVALID`.
    pub fn invalid_body() -> Self {
        Self::improper().because("REQUEST_BODY_INVALID")
    }

    /// A 400 with its own message and no reason.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// The answer to a bearer nobody issued, or that has expired. `status` is 403 or 401.
    pub fn bearer(status: u16) -> Self {
        Self::new(status, "AccessDeniedException", "The bearer token included in the request is invalid")
    }

    /// What the service most often says with this status.
    pub fn of_status(status: u16) -> Self {
        let preset = match status {
            400 => "improper",
            401 => "bearer401",
            402 => "monthly",
            403 => "unauthorized",
            404 => "operation",
            429 => "throttle",
            500 => "high-load",
            503 => "unavailable",
            _ => "",
        };
        Self::preset(preset).unwrap_or_else(|| Self::new(status, "", format!("simulated status {status}")))
    }

    /// A refusal by its short name; the names are the keys of [`PRESETS`].
    pub fn preset(name: &str) -> Option<Self> {
        let (_, status, kind, message, reason) = PRESETS.iter().find(|preset| preset.0 == name)?;
        let mut refusal = Self::new(*status, kind, *message);
        if !reason.is_empty() {
            refusal.reason = Some((*reason).to_owned());
        }
        match name {
            "front-end" => refusal.body = Some(FRONT_END.to_owned()),
            "invalid-grant" | "invalid-client" | "slow-down" => {
                refusal.body = Some(oauth_body(&name.replace('-', "_"), message));
            }
            _ => {}
        }
        Some(refusal)
    }

    /// The body on the wire. AWS-JSON adds the exception name as `__type`.
    pub fn encode(&self, aws_json: bool) -> String {
        if let Some(body) = &self.body {
            return body.clone();
        }
        let mut body = serde_json::json!({ "message": self.message, "reason": self.reason });
        if let (true, false, Some(members)) = (aws_json, self.kind.is_empty(), body.as_object_mut()) {
            let name = format!("com.amazon.aws.codewhisperer#{}", self.kind);
            members.insert("__type".to_owned(), name.into());
        }
        body.to_string()
    }
}

/// A refusal of the OIDC endpoints.
pub(crate) fn oauth(status: u16, kind: &str, error: &str, description: &str) -> Refusal {
    let mut refusal = Refusal::new(status, kind, description);
    refusal.body = Some(oauth_body(error, description));
    refusal
}

/// The error body of the OIDC token endpoint.
fn oauth_body(error: &str, description: &str) -> String {
    serde_json::json!({ "error": error, "error_description": description }).to_string()
}

const IMPROPER: &str = "Improperly formed request.";
const FRONT_END: &str = r#"{"error":{"code":"validation_error","message":"Failed to buffer the request body: length limit exceeded","param":null,"type":"invalid_request_error"}}"#;
const HIGH_LOAD: &str = "Encountered unexpectedly high load when processing the request, please try again.";
const SUSPENDED: &str = "Your User ID (d-0000000000.sim) temporarily is suspended. We've locked your account as a security precaution. To restore access, please contact our support team.";
const THROTTLED: &str = "Too many requests, please wait before trying again.";
const TRAFFIC: &str = "I am experiencing high traffic, please try again shortly.";
const WRONG_MODEL: &str = "Invalid model. Please select a different model to continue.";
const STALE: &str = "Invalid refresh token provided";

/// Name, status, exception, message, reason (empty: `null`).
pub const PRESETS: &[(&str, u16, &str, &str, &str)] = &[
    ("improper", 400, "ValidationException", IMPROPER, ""),
    ("invalid-body", 400, "ValidationException", IMPROPER, "REQUEST_BODY_INVALID"),
    ("invalid-json", 400, "ValidationException", "The request body is not valid JSON.", "REQUEST_BODY_INVALID_JSON"),
    ("too-long", 400, "ValidationException", "Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"),
    ("prompt-too-long", 400, "ValidationException", "Input is too long.", "PROMPT_TOO_LONG"),
    ("model", 400, "ValidationException", WRONG_MODEL, "INVALID_MODEL_ID"),
    ("profile", 400, "ValidationException", "profileArn is required for this request.", ""),
    ("tool-format", 400, "ValidationException", "Invalid tool use format.", ""),
    ("monthly400", 400, "ValidationException", "You have reached the limit.", "MONTHLY_REQUEST_COUNT"),
    ("bearer", 403, "AccessDeniedException", "The bearer token included in the request is invalid", ""),
    ("bearer401", 401, "AccessDeniedException", "The bearer token included in the request is invalid", ""),
    ("unauthorized", 403, "AccessDeniedException", "User is not authorized to make this call.", ""),
    ("suspended", 403, "AccessDeniedException", SUSPENDED, "TEMPORARILY_SUSPENDED"),
    ("feature", 403, "AccessDeniedException", "This feature is not supported.", "FEATURE_NOT_SUPPORTED"),
    ("monthly", 402, "ServiceQuotaExceededException", "You have reached the limit.", "MONTHLY_REQUEST_COUNT"),
    (
        "overage",
        402,
        "ServiceQuotaExceededException",
        "You've reached your overage limit.",
        "OVERAGE_REQUEST_LIMIT_EXCEEDED",
    ),
    (
        "conversation",
        402,
        "ServiceQuotaExceededException",
        "The conversation is too long.",
        "CONVERSATION_LIMIT_EXCEEDED",
    ),
    ("operation", 404, "UnknownOperationException", "Unknown operation.", ""),
    ("not-found", 404, "ResourceNotFoundException", "The resource was not found.", ""),
    ("conflict", 409, "ConflictException", "The customer key is disabled.", "CUSTOMER_KMS_KEY_DISABLED"),
    ("throttle", 429, "ThrottlingException", THROTTLED, ""),
    ("credit-limit", 429, "ThrottlingException", "60-minute credit limit exceeded", ""),
    ("capacity", 429, "ThrottlingException", TRAFFIC, "INSUFFICIENT_MODEL_CAPACITY"),
    ("daily", 429, "ThrottlingException", THROTTLED, "DAILY_REQUEST_COUNT"),
    ("monthly429", 429, "ThrottlingException", THROTTLED, "MONTHLY_REQUEST_COUNT"),
    ("high-load", 500, "InternalServerException", HIGH_LOAD, "MODEL_TEMPORARILY_UNAVAILABLE"),
    ("internal", 500, "InternalServerException", HIGH_LOAD, ""),
    ("unavailable", 503, "ServiceUnavailableException", "Service unavailable.", ""),
    ("front-end", 413, "", "", ""),
    ("stale-message", 400, "", STALE, ""),
    ("stale-401", 401, "", STALE, ""),
    ("invalid-grant", 400, "InvalidGrantException", STALE, ""),
    ("invalid-client", 401, "InvalidClientException", "Client is expired", ""),
    ("slow-down", 400, "SlowDownException", "Slow down", ""),
];
