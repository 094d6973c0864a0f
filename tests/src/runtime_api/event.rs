//! An HTTP request as the platform's front ends write it into an event (payload format 2.0).

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// A client's request before the front end.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without `?`.
    pub query: String,
    /// Headers as the client wrote them, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the two front ends tell of themselves.
struct FrontEnd<'a> {
    stage: &'a str,
    route: &'a str,
    account: &'a str,
    domain: &'a str,
}

impl Request {
    /// A request without headers and body; `target` may have a query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), ..Self::default() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these bytes as the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// The event of a function URL.
    pub fn function_url(&self) -> Value {
        let domain = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws";
        self.event(&FrontEnd { stage: "$default", route: "$default", account: "anonymous", domain })
    }

    /// The event of an HTTP API; every stage but `$default` stands before the path.
    pub fn http_api(&self, stage: &str) -> Value {
        let domain = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
        let mut event = self.event(&FrontEnd { stage, route: "ANY /{proxy+}", account: "123456789012", domain });
        if let Some(fields) = event.as_object_mut() {
            fields.insert("pathParameters".to_owned(), json!({ "proxy": self.path.trim_start_matches('/') }));
        }
        event
    }

    fn event(&self, front: &FrontEnd<'_>) -> Value {
        let path = if front.stage == "$default" { self.path.clone() } else { format!("/{}{}", front.stage, self.path) };
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
        set("version", "2.0".into());
        set("routeKey", front.route.into());
        set("rawPath", path.as_str().into());
        set("rawQueryString", self.query.as_str().into());
        let cookies = self.cookies();
        if !cookies.is_empty() {
            set("cookies", cookies.into());
        }
        set("headers", json!(self.joined(front.domain)));
        if !self.query.is_empty() {
            set("queryStringParameters", json!(self.parameters()));
        }
        set("requestContext", self.context(&path, front));
        let text = self.is_text().then(|| std::str::from_utf8(&self.body).ok()).flatten();
        match text {
            _ if self.body.is_empty() => {}
            Some(text) => drop(set("body", text.into())),
            None => drop(set("body", BASE64_STANDARD.encode(&self.body).into())),
        }
        set("isBase64Encoded", (!self.body.is_empty() && text.is_none()).into());
        Value::Object(event)
    }

    fn context(&self, path: &str, front: &FrontEnd<'_>) -> Value {
        let id = front.domain.split('.').next().unwrap_or_default();
        json!({
            "accountId": front.account, "apiId": id, "domainName": front.domain, "domainPrefix": id,
            "http": {
                "method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": self.first("user-agent").unwrap_or_default(),
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599", "routeKey": front.route, "stage": front.stage,
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
        })
    }

    /// Names in lower case, values of one name joined; cookies travel apart.
    fn joined(&self, domain: &str) -> BTreeMap<String, String> {
        let mut joined = BTreeMap::<String, String>::new();
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            if ["cookie", "host", "connection", "transfer-encoding"].contains(&name.as_str()) {
                continue;
            }
            joined.entry(name).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.clone());
        }
        for (name, value) in [
            ("host", domain),
            ("x-amzn-trace-id", "Root=1-65f00000-000000000000000000000001"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-proto", "https"),
        ] {
            joined.insert(name.to_owned(), value.to_owned());
        }
        if !self.body.is_empty() {
            joined.insert("content-length".to_owned(), self.body.len().to_string());
        }
        joined
    }

    fn cookies(&self) -> Vec<String> {
        let cookies = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        cookies.flat_map(|(_, value)| value.split("; ").map(str::to_owned)).collect()
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::<String, String>::new();
        for (name, value) in form_urlencoded::parse(self.query.as_bytes()) {
            let joined = parameters.entry(name.into_owned());
            joined.and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
        }
        parameters
    }

    /// Bodies of other types travel as base64, and so do those without a type.
    fn is_text(&self) -> bool {
        let kind = self.first("content-type").unwrap_or_default().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.starts_with("text/")
            || ["application/json", "application/javascript", "application/xml"].contains(&kind)
            || kind.ends_with("+json")
            || kind.ends_with("+xml")
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
