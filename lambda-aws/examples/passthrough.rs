//! What the gateway is measured beside: a function on the same runtime and the same HTTP client that sends the body of its event
//! to the service and streams what comes back untouched. `BENCH_KEY` is an API key of the service.

use std::sync::Arc;

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
    let url = format!("{}/generateAssistantResponse", std::env::var("KIRO_API_BASE")?);
    let bearer = format!("Bearer {}", std::env::var("BENCH_KEY")?);
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let https = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions();
    let client = Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp));
    let service = Arc::new(Service { client, url, bearer });
    let pass = service_fn(move |request| pass(Arc::clone(&service), request));
    lambda_http::run_with_streaming_response_concurrent(pass).await
}

struct Service {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    bearer: String,
}

async fn pass(service: Arc<Service>, request: Request) -> Result<Response<Incoming>, Fault> {
    let body = request.into_body().collect().await?.to_bytes();
    let call = hyper::Request::post(&service.url)
        .header("content-type", "application/json")
        .header("authorization", &service.bearer)
        .header("tokentype", "API_KEY")
        .body(Full::new(body))?;
    let (mut parts, body) = service.client.request(call).await?.into_parts();
    // They belong to the connection the bytes came on.
    for name in ["transfer-encoding", "connection", "content-length"] {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, body))
}
