//! What the gateway is measured beside: a function on the same runtime and the same HTTP client that sends the body of its event
//! to the service and streams what comes back untouched. `BENCH_KEY` is an API key of the service.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_http::{Request, Response, service_fn};

type Fault = lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Fault> {
    let service = format!("{}/generateAssistantResponse", std::env::var("KIRO_API_BASE")?);
    let bearer = format!("Bearer {}", std::env::var("BENCH_KEY")?);
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let https = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
    let client = Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp));
    let pass = |request: Request| pass(&client, &service, &bearer, request);
    lambda_http::run_with_streaming_response(service_fn(pass)).await
}

async fn pass(
    client: &Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    service: &str,
    bearer: &str,
    request: Request,
) -> Result<Response<Incoming>, Fault> {
    let body = request.into_body().collect().await?.to_bytes();
    let call = hyper::Request::post(service)
        .header("content-type", "application/json")
        .header("authorization", bearer)
        .header("tokentype", "API_KEY")
        .body(Full::new(body))?;
    let (mut parts, body) = client.request(call).await?.into_parts();
    // They belong to the connection the bytes came on.
    for name in ["transfer-encoding", "connection", "content-length"] {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, body))
}
