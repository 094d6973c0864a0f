//! Which endpoint a path and method name.

use std::borrow::Cow;

use crate::host::{Headers, header};

/// An endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/messages/count_tokens`.
    CountTokens,
    /// `POST /v1/chat/completions`.
    Chat,
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/responses/input_tokens`.
    InputTokens,
    /// `GET /v1/responses/{id}`.
    Response(String),
    /// `DELETE /v1/responses/{id}`.
    DeleteResponse(String),
    /// `GET /v1/responses/{id}/input_items`.
    InputItems(String),
    /// `POST /v1/responses/{id}/cancel`.
    CancelResponse,
    /// `GET /v1/models`.
    Models,
    /// `GET /v1/models/{id}`, the id percent-encoded as it came.
    Model(String),
    /// `GET /stats/token-pool`.
    Stats,
    /// `GET /health`.
    Health,
    /// `GET /`.
    Home,
    /// `OPTIONS` anything.
    Preflight,
    /// Known path, other method; the value of `Allow`.
    WrongMethod(&'static str),
    /// Nothing of ours.
    Nothing,
}

/// In which dialect an answer without a decoded request is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI.
    OpenAi,
}

/// Finds the endpoint. Any number of leading `/v1` is taken, none included: clients are configured with and
/// without it.
pub fn find(method: &str, path: &str) -> Route {
    if method == "OPTIONS" {
        return Route::Preflight;
    }
    let path = trimmed(path);
    let (route, allow) = match path {
        "" => (Route::Home, GET),
        "/health" => (Route::Health, GET),
        "/messages" => (Route::Messages, POST),
        "/messages/count_tokens" => (Route::CountTokens, POST),
        "/chat/completions" => (Route::Chat, POST),
        "/responses" => (Route::Responses, POST),
        "/responses/input_tokens" => (Route::InputTokens, POST),
        "/models" => (Route::Models, GET),
        "/stats/token-pool" => (Route::Stats, GET),
        _ => match named(method, path) {
            Some(named) => named,
            None => return Route::Nothing,
        },
    };
    if allow.split(", ").any(|allowed| allowed == method) { route } else { Route::WrongMethod(allow) }
}

/// An endpoint whose path holds an id.
fn named(method: &str, path: &str) -> Option<(Route, &'static str)> {
    if let Some(id) = path.strip_prefix("/models/") {
        return (!id.is_empty()).then(|| (Route::Model(id.to_owned()), GET));
    }
    let rest = path.strip_prefix("/responses/")?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match rest {
        _ if id.is_empty() => None,
        "" if method == "DELETE" => Some((Route::DeleteResponse(id.to_owned()), KEPT)),
        "" => Some((Route::Response(id.to_owned()), KEPT)),
        "input_items" => Some((Route::InputItems(id.to_owned()), GET)),
        "cancel" => Some((Route::CancelResponse, POST)),
        _ => None,
    }
}

/// The dialect a caller expects: by path where that says, else by the headers Anthropic clients send.
pub fn dialect(path: &str, headers: &Headers) -> Dialect {
    let path = trimmed(path);
    let anthropic = header(headers, "anthropic-version").is_some() || header(headers, "x-api-key").is_some();
    let openai = OPENAI_PATHS.iter().any(|prefix| path.starts_with(prefix));
    let either = path.starts_with("/models") && !anthropic;
    if openai || either { Dialect::OpenAi } else { Dialect::Anthropic }
}

/// Whether a route needs a client key.
pub fn guarded(route: &Route) -> bool {
    !matches!(route, Route::Health | Route::Home | Route::Preflight | Route::WrongMethod(_) | Route::Nothing)
}

/// Whether a route makes, names or needs a kept response.
pub fn keeps(route: &Route) -> bool {
    matches!(
        route,
        Route::Responses | Route::InputTokens | Route::Response(_) | Route::DeleteResponse(_) | Route::InputItems(_)
    )
}

/// Whether a route waits for the service or the store.
pub fn waits(route: &Route) -> bool {
    keeps(route) || matches!(route, Route::Messages | Route::Chat)
}

/// The value of a query parameter.
pub fn query<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Without doubled slashes at its head, closing slashes and any number of `/v1`.
fn trimmed(path: &str) -> &str {
    let mut path = path.trim_end_matches('/');
    loop {
        let bare = path.trim_start_matches('/');
        let cut = path.len() - bare.len();
        path = path.get(cut.saturating_sub(1)..).unwrap_or("");
        match path.strip_prefix("/v1") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => path = rest,
            _ => return path,
        }
    }
}

const OPENAI_PATHS: &[&str] = &["/chat", "/responses", "/completions", "/embeddings"];
const GET: &str = "GET, HEAD, OPTIONS";
const POST: &str = "POST, OPTIONS";
const KEPT: &str = "GET, HEAD, DELETE, OPTIONS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_work_with_and_without_and_with_doubled_prefixes() {
        for path in ["/v1/messages", "/messages", "/v1/v1/messages", "/v1/messages/", "//v1/messages", "/v1//messages"]
        {
            assert_eq!(find("POST", path), Route::Messages, "{path}");
        }
        assert_eq!(find("POST", "/v1/messages/count_tokens"), Route::CountTokens);
        assert_eq!(find("GET", "/v1/models"), Route::Models);
        assert_eq!(find("GET", "/v1/models/claude-opus-5%5B1m%5D"), Route::Model("claude-opus-5%5B1m%5D".into()));
        assert_eq!(find("HEAD", "/"), Route::Home);
        assert_eq!(find("GET", "/health"), Route::Health);
        for path in ["/stats/token-pool", "/v1/stats/token-pool", "/stats/token-pool/"] {
            assert_eq!(find("GET", path), Route::Stats, "{path}");
        }
        assert_eq!(find("GET", "/stats"), Route::Nothing);
        assert_eq!(find("OPTIONS", "/anything"), Route::Preflight);
    }

    #[test]
    fn kept_responses_are_named_in_the_path() {
        assert_eq!(find("POST", "/v1/responses"), Route::Responses);
        assert_eq!(find("POST", "/v1/responses/input_tokens"), Route::InputTokens);
        assert_eq!(find("GET", "/v1/responses/resp_1"), Route::Response("resp_1".into()));
        assert_eq!(find("HEAD", "/responses/resp_1/"), Route::Response("resp_1".into()));
        assert_eq!(find("DELETE", "/v1/responses/resp_1"), Route::DeleteResponse("resp_1".into()));
        assert_eq!(find("GET", "/v1/responses/resp_1/input_items"), Route::InputItems("resp_1".into()));
        assert_eq!(find("POST", "/v1/responses/resp_1/cancel"), Route::CancelResponse);
        assert_eq!(find("PUT", "/v1/responses/resp_1"), Route::WrongMethod("GET, HEAD, DELETE, OPTIONS"));
        assert_eq!(find("GET", "/v1/responses/input_tokens"), Route::WrongMethod("POST, OPTIONS"));
        assert_eq!(find("DELETE", "/v1/responses"), Route::WrongMethod("POST, OPTIONS"));
        assert_eq!(find("GET", "/v1/responses/resp_1/other"), Route::Nothing);
        assert_eq!(find("GET", "/v1/responses//input_items"), Route::Nothing);
    }

    #[test]
    fn wrong_methods_name_the_right_ones_and_unknown_paths_are_nothing() {
        assert_eq!(find("GET", "/v1/messages"), Route::WrongMethod("POST, OPTIONS"));
        assert_eq!(find("POST", "/v1/models"), Route::WrongMethod("GET, HEAD, OPTIONS"));
        assert_eq!(find("POST", "/stats/token-pool"), Route::WrongMethod("GET, HEAD, OPTIONS"));
        assert_eq!(find("DELETE", "/health"), Route::WrongMethod("GET, HEAD, OPTIONS"));
        for path in ["/v2/messages", "/v1messages", "/api/hello", "/v1/messages/batches", "/models/"] {
            assert!(matches!(find("POST", path), Route::Nothing | Route::WrongMethod(_)), "{path}");
        }
        assert_eq!(find("POST", "/v1messages"), Route::Nothing);
    }
}
