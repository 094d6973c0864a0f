//! The platform's own services: a signed JSON post, tried again where that can help.

mod failure;
mod service;

use core::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::{Instant, sleep, timeout};

pub(crate) use failure::{Cause, Failure};
pub(crate) use service::Service;

use crate::machine::Machine;
use crate::transport::Pools;
use service::Endpoints;

/// The services as one environment reaches them. `Debug` shows no credential.
pub(crate) struct Aws {
    pools: Arc<Pools>,
    identity: Option<Identity>,
    region: Option<String>,
    endpoints: Endpoints,
    machine: Machine,
}

/// One operation.
#[derive(Clone)]
pub(crate) struct Call<'c> {
    pub(crate) service: Service,
    /// Where it is performed; `None`: where the function runs.
    pub(crate) region: Option<&'c str>,
    /// Its name, such as `GetItem`.
    pub(crate) operation: &'static str,
    /// Its input as JSON.
    pub(crate) input: Bytes,
}

impl Aws {
    /// Reads credentials, region and endpoints under the names that every client of the platform reads. What is missing
    /// fails the calls, not the start.
    pub(crate) fn open(machine: Machine, pools: Arc<Pools>, get: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let keys = set("AWS_ACCESS_KEY_ID").zip(set("AWS_SECRET_ACCESS_KEY"));
        let identity = keys.map(|(id, secret)| {
            Credentials::new(id, secret, set("AWS_SESSION_TOKEN"), None, "environment variables").into()
        });
        let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"));
        Self { pools, identity, region, endpoints: Endpoints::read(&set), machine }
    }

    /// The machine's clock and randomness.
    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }

    /// Performs an operation, and again after what passes by itself: throttling, a fault of the service, a connection
    /// that broke or hangs. Gives up at `until`. An operation that was repeated may have been performed twice.
    pub(crate) async fn call(&self, call: &Call<'_>, until: Instant) -> Result<Bytes, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let left = until.saturating_duration_since(Instant::now());
            let cause = match timeout(left.min(LONGEST_TRY), self.once(call)).await {
                Ok(Ok(output)) => return Ok(output),
                Ok(Err(cause)) => cause,
                Err(_) => Cause::Silent,
            };
            let pause = self.pause(tries);
            if !cause.passes() || Instant::now() + pause >= until {
                return Err(Failure { cause, tries });
            }
            sleep(pause).await;
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<Bytes, Cause> {
        let request = self.signed(call)?;
        let lease = self.pools.lease(request.uri());
        let reply = lease.client().request(request).await.map_err(|error| Cause::unreachable(&error))?;
        let (head, body) = reply.into_parts();
        let body =
            Limited::new(body, LARGEST_OUTPUT).collect().await.map_err(|error| Cause::Broke(error.to_string()))?;
        let body = body.to_bytes();
        if head.status.is_success() { Ok(body) } else { Err(Cause::refused(head.status, &head.headers, &body)) }
    }

    fn signed(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, Cause> {
        let identity = self.identity.as_ref().ok_or(Cause::Unset("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"))?;
        let region = call.region.or(self.region.as_deref()).ok_or(Cause::Unset("AWS_REGION"))?;
        let url = self.endpoints.url(call.service, region);
        signable(identity, region, &url)?;
        let target = call.service.target(call.operation);
        let headers = [("content-type", call.service.content_type()), ("x-amz-target", target.as_str())];
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(&call.input))
            .map_err(unsigned)?;
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(region)
            .name(call.service.name())
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis((self.machine.now)().0))
            .settings(SigningSettings::default())
            .build()
            .map_err(unsigned)?;
        let (signature, _) = sign(signable, &params.into()).map_err(unsigned)?.into_parts();
        let mut request = Request::post(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Full::new(call.input.clone())).map_err(unsigned)?;
        signature.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    /// Doubles with each try; half of it is chance, so that those who failed together do not come back together.
    fn pause(&self, tries: u32) -> Duration {
        let whole = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(4));
        let mut chance = [0; 1];
        (self.machine.fill)(&mut chance);
        whole / 2 + whole * u32::from(chance[0]) / 512
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// Whether a request can be made of these: the signer takes that for granted, and panics where it is not so.
fn signable(identity: &Identity, region: &str, url: &str) -> Result<(), Cause> {
    let told = |text: &str| Err(Cause::Unsigned(text.to_owned()));
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !identity
        .data::<Credentials>()
        .is_some_and(|keys| fits(keys.access_key_id()) && keys.session_token().is_none_or(fits))
    {
        return told("AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN holds what no header can hold");
    }
    // It becomes part of a host name.
    if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return told("AWS_REGION is no name of a region");
    }
    let is_absolute = url.parse::<Uri>().is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
    });
    if is_absolute { Ok(()) } else { told("an AWS_ENDPOINT_URL does not begin with http:// or https:// and a host") }
}

fn unsigned(error: impl fmt::Display) -> Cause {
    Cause::Unsigned(error.to_string())
}

/// An item of 400 KB as base64, with room.
const LARGEST_OUTPUT: usize = 1024 * 1024;
/// How long one try may take: far above what the services need, far below what a request can wait.
const LONGEST_TRY: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

    use super::*;
    use crate::transport::Network;

    /// A request that is signed with these variables besides the usual ones.
    fn signed(set: &[(&str, &str)]) -> Result<Request<Full<Bytes>>, Cause> {
        let usual = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_REGION", "eu-west-1")];
        let get =
            |name: &str| set.iter().chain(&usual).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let aws = Aws::open(Machine::SYSTEM, Network::new(Machine::SYSTEM.now).pools(), &get);
        let (service, input) = (Service::DynamoDb, Bytes::from_static(b"{}"));
        aws.signed(&Call { service, region: None, operation: "GetItem", input })
    }

    #[test]
    fn a_request_is_signed_with_all_of_the_credentials() {
        let request = signed(&[("AWS_SESSION_TOKEN", "session")]).unwrap();
        let of = |name| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            (of("x-amz-security-token"), of("x-amz-target")),
            ("session".into(), "DynamoDB_20120810.GetItem".into())
        );
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
        assert!(of("authorization").contains("/eu-west-1/dynamodb/aws4_request"), "{}", of("authorization"));
        assert!(of("authorization").contains(signed), "{}", of("authorization"));
    }

    #[test]
    fn what_no_request_can_be_made_of_is_told_and_never_a_panic() {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", "/hush"),
            ("AWS_ENDPOINT_URL", "hush"),
            ("AWS_ENDPOINT_URL", "hush:8000"),
            ("AWS_ENDPOINT_URL", "http://"),
            ("AWS_ENDPOINT_URL", "http:///hush"),
            ("AWS_ENDPOINT_URL", "http://:80"),
            ("AWS_ENDPOINT_URL", "ftp://hush"),
            ("AWS_ENDPOINT_URL", "http://a b"),
            ("AWS_ENDPOINT_URL_DYNAMODB", " "),
            ("AWS_ENDPOINT_URL_DYNAMODB", "*"),
            ("AWS_REGION", "eu west"),
            ("AWS_REGION", "hush/"),
            ("AWS_REGION", "ü"),
            ("AWS_ACCESS_KEY_ID", "hush\nhush"),
            ("AWS_SESSION_TOKEN", "hush\nhush"),
            ("AWS_SESSION_TOKEN", "hush\u{7f}"),
        ] {
            let Err(cause) = signed(&[(name, value)]) else { panic!("{name}={value:?}: taken") };
            assert!(matches!(cause, Cause::Unsigned(_)) && !cause.passes(), "{name}={value:?}: {cause}");
            assert!(!cause.to_string().contains("hush"), "{name}={value:?}: {cause}");
        }
    }
}
