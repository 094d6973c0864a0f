//! Requests to the service, sent as they are given.

use std::time::Duration;

use kiro2api_core::host::{Head, Outbound};
use ureq::Agent;
use ureq::http::Request;

/// A client for the service's hosts, real or simulated.
pub(super) struct Web(Agent);

impl Web {
    /// A client; nothing is connected.
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // A login is not sent on to wherever an answer points.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self(config.into())
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Why there is none, in words without address or secret.
    pub(super) fn send(&self, outbound: &Outbound) -> Result<(Head, Vec<u8>), String> {
        let mut request = Request::builder().method(outbound.method).uri(&outbound.url);
        for (name, value) in &outbound.headers {
            request = request.header(name.as_ref(), value);
        }
        let request = request.body(outbound.body.as_slice()).map_err(|_| "the request cannot be written".to_owned())?;
        let mut response = self.0.run(request).map_err(|error| error.to_string())?;
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string().into(), text(value))).collect();
        let head = Head { status: response.status().as_u16(), headers };
        let body = response.body_mut().with_config().limit(MOST).read_to_vec().map_err(|error| error.to_string())?;
        Ok((head, body))
    }
}

/// For one request with its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer.
const MOST: u64 = 1 << 20;
