//! What the service of a world was asked, and what for.

use kiro2api_core::Millis;
use kiro2api_core::host::{Outbound, header};
use serde_json::Value;

use crate::check::Violation;

/// What a request to the service is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// `generateAssistantResponse`.
    Chat,
    /// A Social refresh.
    Social,
    /// An OIDC refresh.
    Idc,
    /// `ListAvailableProfiles`.
    Profiles,
    /// `ListAvailableModels`.
    Models,
    /// `getUsageLimits`, in every form there is.
    Usage,
    /// A picture that lies elsewhere: whatever asks for images.
    Media,
    /// Anything else.
    Other,
}

/// A request the service got, and how far its reply was read.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When it came, in milliseconds since the world began.
    pub at: u64,
    /// What it is for.
    pub operation: Operation,
    /// The absolute URL.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whose bearer or refresh token it carries, valid or not.
    pub account: Option<String>,
    /// Rules of the strict checker that a chat body breaks.
    pub violations: Vec<Violation>,
    /// The status it gets; 0: no reply.
    pub status: u16,
    /// Whether the reply's head was taken.
    pub headed: bool,
    /// Bytes of the reply's body that were taken.
    pub read: usize,
    /// Whether its end was taken.
    pub read_out: bool,
    /// When the reply was dropped.
    pub dropped: Option<Millis>,
}

impl Sent {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A parameter, from the query or the body.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let given = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        given.map(|(_, value)| value.into_owned()).or_else(|| match self.json().get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        })
    }
}

pub(super) fn operation(request: &Outbound) -> Operation {
    if header(&request.headers, "accept").is_some_and(|accept| accept.starts_with("image/")) {
        return Operation::Media;
    }
    let path = request.url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let target = header(&request.headers, "x-amz-target").unwrap_or_default();
    match path.rsplit('/').next().unwrap_or_default() {
        "generateAssistantResponse" => Operation::Chat,
        "refreshToken" => Operation::Social,
        "token" => Operation::Idc,
        "getUsageLimits" | "Get-Usage-Limits" if request.method == "GET" => Operation::Usage,
        _ if target.ends_with(".GetUsageLimits") => Operation::Usage,
        _ if target.ends_with(".ListAvailableProfiles") => Operation::Profiles,
        _ if target.ends_with(".ListAvailableModels") => Operation::Models,
        _ => Operation::Other,
    }
}

/// The region in `https://oidc.{region}.amazonaws.com/…`.
pub(super) fn region(url: &str) -> Option<&str> {
    url.strip_prefix("https://oidc.")?.split('.').next()
}
