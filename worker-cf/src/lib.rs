//! Binds the core to Cloudflare Workers.
//!
//! A placeholder that answers `/health`, so that the bundle pipeline can be proved end to end.

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, _env: Env, _ctx: Context) -> Result<Response> {
    match request.path().as_str() {
        "/health" => Ok(Response::ok(r#"{"status":"ok"}"#)?
            .with_headers([("content-type", "application/json")].into_iter().collect())),
        _ => Response::error("not found", 404),
    }
}
