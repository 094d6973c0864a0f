//! Takes a request in: route, key, configuration, dialect.

use crate::dialect::{self, Api, anthropic, responses};
use crate::error::{Error, Kind};
use crate::exchange::asking::Asking;
use crate::exchange::call::{Call, Opening};
use crate::exchange::inspect::Subject;
use crate::exchange::kept::Wanted;
use crate::exchange::listing::{After, Shelf, Want};
use crate::exchange::reply::{Answered, health};
use crate::exchange::scale::Scale;
use crate::exchange::{Exchange, Gateway, State};
use crate::host::{Incoming, MAX_BODY, Millis, Payload};
use crate::json;
use crate::route::{self, Dialect, Route};

impl Exchange {
    /// Answers at once, or leaves a call and the first step.
    pub(crate) fn take_in(&mut self, gateway: &mut Gateway, incoming: Incoming, now: Millis) {
        self.summary.route = format!("{} {}", incoming.method, incoming.path);
        let route = route::find(&incoming.method, &incoming.path);
        if let Payload::NoRequest(text) = incoming.body {
            return self.fail(gateway, &Error::invalid("", text), now);
        }
        if let Err(error) = self.admit(gateway, &route, &incoming, now) {
            let mendable = error.kind() == Kind::NotConfigured && gateway.config().unread && !self.term.is_too_short();
            if !mendable || !self.queue(gateway, incoming, now) {
                self.fail(gateway, &error, now);
            }
            return;
        }
        let answered = self.serve(gateway, &route, incoming, now);
        self.served_with(gateway, answered, now);
    }

    /// Answers at once, or goes on with the step that is set.
    pub(crate) fn served_with(
        &mut self,
        gateway: &mut Gateway,
        answered: Result<Option<Answered>, Error>,
        now: Millis,
    ) {
        match answered {
            Ok(Some(answer)) => self.answer(answer),
            Ok(None) => {}
            Err(error) => self.fail(gateway, &error, now),
        }
    }

    pub(crate) fn serve(
        &mut self,
        gateway: &mut Gateway,
        route: &Route,
        incoming: Incoming,
        now: Millis,
    ) -> Result<Option<Answered>, Error> {
        let anthropic = self.dialect == Dialect::Anthropic;
        let catalogue = self.models(&gateway.config().catalogue);
        let catalogue = &*catalogue;
        let body = match route {
            Route::Preflight => return Ok(Some(self.common.preflight(&incoming.headers))),
            Route::Home => return Ok(Some(self.common.home())),
            Route::Health if is_deep(&incoming) => {
                self.begin_inspection(gateway, Subject::Health, now);
                return Ok(None);
            }
            Route::Health => health(gateway.config()),
            Route::Stats => {
                let refresh = wants_refresh(&incoming);
                self.summary.audit = refresh.then_some("refresh");
                self.begin_inspection(gateway, Subject::Stats { refresh }, now);
                return Ok(None);
            }
            Route::Models | Route::Model(_) if gateway.lists().wants_load(Millis::NEVER, now) => {
                self.state = State::Lists(Shelf::Load(After::Tell(Box::new(incoming))));
                return Ok(None);
            }
            Route::Models if anthropic => anthropic::models(catalogue, &incoming.query)?,
            Route::Models => dialect::openai_models(catalogue, &incoming.query)?,
            Route::Model(id) if anthropic => anthropic::model(catalogue, id)?,
            Route::Model(id) => dialect::openai_model(catalogue, id)?,
            Route::CountTokens => {
                return self.count_tokens(gateway, asking(Api::Messages, incoming)?, now).map(|()| None);
            }
            Route::Messages => return self.open_call(gateway, asking(Api::Messages, incoming)?, now).map(|()| None),
            Route::Chat => return self.open_call(gateway, asking(Api::Chat, incoming)?, now).map(|()| None),
            Route::Responses => return self.open_call(gateway, asking(Api::Responses, incoming)?, now).map(|()| None),
            Route::InputTokens => {
                return self.count_input(gateway, asking(Api::Responses, incoming)?, now).map(|()| None);
            }
            Route::Response(_) if route::query(&incoming.query, "stream").is_some_and(|value| value != "false") => {
                return Err(Error::invalid("stream", NO_REPLAY));
            }
            Route::Response(id) => return self.recall(gateway, id, Wanted::Show).map(|()| None),
            Route::InputItems(id) => return self.recall(gateway, id, Wanted::Items(incoming.query)).map(|()| None),
            Route::DeleteResponse(id) => return self.recall(gateway, id, Wanted::Remove).map(|()| None),
            Route::CancelResponse => return Err(Error::invalid("", NO_CANCEL)),
            Route::WrongMethod(allow) => {
                let text = format!("{} is not a method of {}: use {allow}", incoming.method, incoming.path);
                return Err(Error::new(Kind::MethodNotAllowed { allow }, text));
            }
            Route::Nothing => return Err(no_such_route(&incoming)),
        };
        Ok(Some(self.common.json(200, body)))
    }

    /// Begins to answer, or finds first what the request names.
    pub(crate) fn open_call(&mut self, gateway: &mut Gateway, asking: Asking, now: Millis) -> Result<(), Error> {
        let call = match Call::open(asking, self.ids(), gateway.config(), self.term, now)? {
            Opening::Ready(call) => call,
            Opening::Unknown { asking, error } => {
                return self.looks_for_model(gateway, asking, Want::Answer, error, now);
            }
            Opening::Needs { asking, needs, model, total } => {
                self.check_model(&gateway.config().catalogue, &model)?;
                self.summary.model = Some(model);
                return match asking.previous_of(&needs) {
                    Some((id, path)) => self.recall(gateway, &id, Wanted::Continue(asking, path)),
                    None => self.fetch(gateway, asking, &needs, total, now),
                };
            }
        };
        self.check_model(&gateway.config().catalogue, call.voice.model())?;
        self.summary.model = Some(call.voice.model().to_owned());
        self.summary.upstream_model = Some(call.model.upstream_id.to_string());
        self.summary.stream = call.stream;
        self.summary.ignored.clone_from(&call.ignored);
        if call.truncated > 0 {
            self.summary.verdicts.push(format!("truncated: the {} oldest messages left out", call.truncated));
        }
        self.call = Some(call);
        self.ask(gateway, now)
    }

    /// Answers `POST /v1/responses/input_tokens`, or looks first for the response that the request continues.
    pub(crate) fn count_input(&mut self, gateway: &Gateway, asking: Asking, now: Millis) -> Result<(), Error> {
        let given = asking.given(gateway.config());
        let scaled = |model: &_, tokens| Scale::of(model, asking.headers()).apply(tokens);
        match responses::input_tokens(asking.body(), &given, scaled) {
            Err(error) if error.kind() == Kind::UnknownModel => {
                return self.looks_for_model(gateway, asking, Want::CountInput, error, now);
            }
            Err(error) => return Err(error),
            Ok(Ok(body)) => self.answer(self.common.json(200, body)),
            Ok(Err(need)) => {
                if let Some((id, path)) = asking.previous_of(&[need]) {
                    self.recall(gateway, &id, Wanted::Count(asking, path))?;
                }
            }
        }
        Ok(())
    }
}

fn asking(api: Api, incoming: Incoming) -> Result<Asking, Error> {
    Ok(Asking::new(api, bytes(incoming.body)?, incoming.headers))
}

/// Whether `/health` is asked to look at everything.
pub(crate) fn is_deep(incoming: &Incoming) -> bool {
    is_switched_on(incoming, "deep")
}

/// Whether `/stats/token-pool` is asked to ask the service first.
pub(crate) fn wants_refresh(incoming: &Incoming) -> bool {
    is_switched_on(incoming, "refresh")
}

fn is_switched_on(incoming: &Incoming, parameter: &str) -> bool {
    route::query(&incoming.query, parameter).is_some_and(|value| value != "0" && value != "false")
}

fn bytes(payload: Payload) -> Result<Vec<u8>, Error> {
    match payload {
        Payload::Bytes(mut bytes) => {
            json::mend_surrogates(&mut bytes);
            Ok(bytes)
        }
        Payload::TooLarge { limit } => Err(Error::new(Kind::BodyTooLarge, too_large(limit))),
        Payload::Broken(text) | Payload::NoRequest(text) => Err(Error::invalid("", text)),
    }
}

/// `limit`: what this platform takes.
fn too_large(limit: usize) -> String {
    let less = if limit < MAX_BODY { format!("{LARGER_THERE} up to {}", size(MAX_BODY)) } else { String::new() };
    format!(
        "the request body is larger than {}: send fewer or smaller images and documents, or compact the \
         conversation{less}",
        size(limit)
    )
}

/// Bytes in the unit that reads best, rounded down.
fn size(bytes: usize) -> String {
    let tenths = |unit: usize, name: &str| match bytes * 10 / unit {
        whole if whole % 10 == 0 => format!("{} {name}", whole / 10),
        odd => format!("{}.{} {name}", odd / 10, odd % 10),
    };
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => tenths(1024, "KiB"),
        _ => tenths(1_048_576, "MiB"),
    }
}

fn no_such_route(incoming: &Incoming) -> Error {
    let text = format!(
        "no such endpoint: {} {}. This gateway serves /v1/messages, /v1/messages/count_tokens, /v1/chat/completions, \
         /v1/responses, /v1/models, /stats/token-pool and /health",
        incoming.method, incoming.path
    );
    Error::new(Kind::NoSuchRoute, text)
}

const NO_REPLAY: &str = "a kept response is not streamed again: leave `stream` out to get it as a whole";
const NO_CANCEL: &str = "only a response that runs in the background can be cancelled, and this gateway runs none: end a response by \
     closing its connection";
const LARGER_THERE: &str =
    ". That is the limit of the platform this gateway runs on: deployed on Cloudflare Workers it takes";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_our_own_names_the_platform_that_takes_more() {
        assert_eq!(
            too_large(MAX_BODY),
            "the request body is larger than 32 MiB: send fewer or smaller images and documents, or compact the \
             conversation"
        );
        let text = too_large(4_718_592);
        assert!(text.contains("larger than 4.5 MiB:"), "{text}");
        assert!(text.ends_with("deployed on Cloudflare Workers it takes up to 32 MiB"), "{text}");
    }

    #[test]
    fn sizes_are_never_told_larger_than_they_are() {
        for (bytes, told) in
            [(512, "512 bytes"), (2048, "2 KiB"), (6 << 20, "6 MiB"), (6_291_455, "5.9 MiB"), (1_100_000, "1 MiB")]
        {
            assert_eq!(size(bytes), told);
        }
    }
}
