//! The form of a streamed HTTP answer: a JSON prelude, eight zero bytes, then the body.

use serde_json::Value;

/// Status and headers, as the front end sends them to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, in the prelude's order.
    pub headers: Vec<(String, String)>,
    /// Values of `set-cookie`.
    pub cookies: Vec<String>,
}

impl Head {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// # Errors
    /// What the front end would not take.
    fn read(prelude: &[u8]) -> Result<Self, String> {
        let prelude: Value =
            serde_json::from_slice(prelude).map_err(|error| format!("the prelude is no JSON: {error}"))?;
        let fields = prelude.as_object().ok_or("the prelude is no object")?;
        if let Some(extra) = fields.keys().find(|key| !["statusCode", "headers", "cookies"].contains(&key.as_str())) {
            return Err(format!("the prelude has a field {extra}"));
        }
        let status = fields.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        let status =
            status.filter(|status| (200..600).contains(status)).ok_or("statusCode is no status of an answer")?;
        let mut headers = Vec::new();
        for (name, value) in fields.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().ok_or_else(|| format!("the header {name} is no text"))?;
            if !is_token(name) || !value.bytes().all(|byte| byte == b'\t' || (b' '..0x7F).contains(&byte)) {
                return Err(format!("the header {name} cannot be sent"));
            }
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut cookies = Vec::new();
        for cookie in fields.get("cookies").and_then(Value::as_array).into_iter().flatten() {
            cookies.push(cookie.as_str().ok_or("a cookie is no text")?.to_owned());
        }
        Ok(Self { status, headers, cookies })
    }
}

/// Finds the head in what comes, however it is cut.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    held: Vec<u8>,
    found: bool,
}

impl Splitter {
    /// Takes bytes; gives the head once it is whole, and what belongs to the body.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(Option<Head>, Vec<u8>), String> {
        if self.found {
            return Ok((None, bytes.to_vec()));
        }
        self.held.extend_from_slice(bytes);
        let Some(at) = self.held.windows(8).position(|window| window == [0; 8]) else {
            // The platform reads no prelude without end.
            return if self.held.len() > 64 * 1024 {
                Err("no end of the prelude".to_owned())
            } else {
                Ok((None, Vec::new()))
            };
        };
        let body = self.held.split_off(at);
        let head = Head::read(&self.held)?;
        self.found = true;
        Ok((Some(head), body.get(8..).unwrap_or_default().to_vec()))
    }

    /// Whether the head has come.
    pub(super) fn found(&self) -> bool {
        self.found
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
