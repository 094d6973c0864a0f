//! Pictures that lie elsewhere: fetched one after the other before the request goes to an account.
//!
//! ```text
//! decode ─▶ needs ─▶ Send ─▶ head: 200, redirect (judged anew), refusal ─▶ bytes ─▶ next ─▶ decode again
//! ```
//!
//! Whatever goes wrong with them is a 400 that names the field with the address. Nothing of the client's request is sent
//! along: no credentials, no cookies, no referrer.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::ImageUrls;
use crate::dialect::{Fetched, Need};
use crate::error::{Error, Kind};
use crate::exchange::address::Address;
use crate::exchange::asking::Asking;
use crate::exchange::deadlines::Total;
use crate::exchange::{Exchange, Gateway, Input, State, Step};
use crate::host::{Head, MAX_BODY, Millis, Outbound, header};
use crate::upstream::endpoint::USER_AGENT;

/// A client's request that waits for its pictures.
#[derive(Debug)]
pub(crate) struct Fetch {
    asking: Asking,
    /// Addresses as the client wrote them, each with the JSON path where it stands.
    wanted: VecDeque<(String, String)>,
    at: Address,
    outbound: Outbound,
    redirects: usize,
    sent: bool,
    head: bool,
    bytes: Vec<u8>,
    /// When the current picture must be there, and all of them.
    until: Millis,
    end: Millis,
    /// When the whole request must be over.
    total: Total,
}

/// What came of what happened.
enum Turned {
    /// More is to come.
    Waiting,
    /// The current picture is complete.
    Whole,
    /// Another address is to be asked.
    Redirected(Address),
}

impl Fetch {
    /// Begins with the first picture.
    ///
    /// # Errors
    /// Too many pictures, an address that is not fetched, or that nothing is fetched here.
    fn begin(asking: Asking, needs: &[Need], allowed: &ImageUrls, total: Total, now: Millis) -> Result<Self, Error> {
        let mut wanted: VecDeque<(String, String)> = VecDeque::new();
        for need in needs {
            if let Need::Image { url, path } = need
                && !wanted.iter().any(|(other, _)| other == url)
                && !asking.fetched().iter().any(|fetched| fetched.url == *url)
            {
                wanted.push_back((url.clone(), path.clone()));
            }
        }
        let path = || wanted.front().map(|(_, path)| path.clone()).unwrap_or_default();
        if matches!(allowed, ImageUrls::Off) {
            return Err(Error::invalid(path(), OFF));
        }
        if let Some((_, path)) = wanted.get(MAX_PICTURES) {
            let text = format!("is one more than the {MAX_PICTURES} URLs of images that are fetched: send base64");
            return Err(Error::invalid(path.clone(), text));
        }
        // Every address is judged before the first one is asked.
        let mut first = None;
        for (url, path) in &wanted {
            let at = Address::read(url, allowed).map_err(|text| Error::invalid(path.clone(), said(&text)))?;
            first.get_or_insert(at);
        }
        let at = first.ok_or_else(|| Error::new(Kind::Internal, "a picture that is there already is asked for"))?;
        let end = (now + ALL_WITHIN).min(total.at);
        let (until, outbound) = ((now + EACH_WITHIN).min(end), get(&at));
        Ok(Self {
            asking,
            wanted,
            at,
            outbound,
            redirects: 0,
            sent: false,
            head: false,
            bytes: Vec::new(),
            until,
            end,
            total,
        })
    }

    pub(crate) fn step(&self) -> Step<'_> {
        if self.sent { Step::Await { until: self.until } } else { Step::Send(&self.outbound) }
    }

    fn path(&self) -> String {
        self.wanted.front().map(|(_, path)| path.clone()).unwrap_or_default()
    }

    /// The error of the current picture; the address tells where it was when that is not what the client wrote.
    fn failed(&self, text: &str) -> Error {
        let redirected =
            if self.redirects > 0 { format!(" (redirected to {})", self.at.shown()) } else { String::new() };
        Error::invalid(self.path(), format!("the image cannot be fetched{redirected}: {text}; send it as base64"))
    }

    fn hear(&mut self, input: &Input<'_>, allowed: &ImageUrls, now: Millis) -> Result<Turned, Error> {
        match input {
            Input::Sent => self.sent = true,
            Input::Head(head) => return self.take_head(head, allowed),
            Input::Chunk(bytes) if self.head => {
                if self.bytes.len() + bytes.len() > MAX_PICTURE {
                    return Err(self.failed(&too_large()));
                }
                self.bytes.extend_from_slice(bytes);
            }
            Input::End if self.head && self.bytes.is_empty() => return Err(self.failed("it is empty")),
            Input::End if self.head => return Ok(Turned::Whole),
            Input::Broke(_) if self.head => return Err(self.failed("the connection broke in the middle of it")),
            Input::End | Input::Broke(_) => return Err(self.failed("its server cannot be reached")),
            Input::Woke if now >= self.total.at => return Err(self.total.deadline.error()),
            Input::Woke if now >= self.until => {
                let span = EACH_WITHIN.0 / 1000;
                return Err(
                    self.failed(&format!("it did not come in time ({span} s each, {} s in all)", ALL_WITHIN.0 / 1000))
                );
            }
            _ => {}
        }
        Ok(Turned::Waiting)
    }

    fn take_head(&mut self, head: &Head, allowed: &ImageUrls) -> Result<Turned, Error> {
        if let (301 | 302 | 303 | 307 | 308, Some(location)) = (head.status, header(&head.headers, "location")) {
            if self.redirects >= MAX_REDIRECTS {
                return Err(self.failed(&format!("it is redirected more than {MAX_REDIRECTS} times")));
            }
            let to = self.at.join(location, allowed);
            let to = to.map_err(|text| self.failed(&format!("it is redirected to a URL that {text}")))?;
            return Ok(Turned::Redirected(to));
        }
        if head.status != 200 {
            return Err(self.failed(&format!("its server answered with status {}", head.status)));
        }
        let kind = header(&head.headers, "content-type").unwrap_or("").split(';').next().unwrap_or("").trim();
        let kind = kind.to_ascii_lowercase();
        if kind.starts_with("text/") || kind == "application/json" {
            let kind: String = kind.chars().take(40).collect();
            return Err(self.failed(&format!("its server answered with {kind}, not with an image")));
        }
        let length = header(&head.headers, "content-length").and_then(|length| length.trim().parse::<usize>().ok());
        if length.is_some_and(|length| length > MAX_PICTURE) {
            return Err(self.failed(&too_large()));
        }
        self.head = true;
        Ok(Turned::Waiting)
    }

    fn redirect(&mut self, to: Address) {
        self.redirects += 1;
        self.ask(to);
    }

    fn ask(&mut self, at: Address) {
        (self.outbound, self.at) = (get(&at), at);
        (self.sent, self.head) = (false, false);
        self.bytes.clear();
    }

    /// Keeps the current picture.
    ///
    /// # Errors
    /// The pictures and the request together are more than a request may have.
    fn keep(&mut self) -> Result<(), Error> {
        if self.asking.len() + self.bytes.len().div_ceil(3) * 4 > MAX_BODY {
            return Err(self.failed("the request and its images together are larger than 32 MiB"));
        }
        let base64 = STANDARD.encode(core::mem::take(&mut self.bytes));
        if let Some((url, _)) = self.wanted.pop_front() {
            self.asking.shows(Fetched { url, base64 });
        }
        Ok(())
    }

    /// Turns to the next picture; `false` when there is none.
    fn next(&mut self, allowed: &ImageUrls, now: Millis) -> Result<bool, Error> {
        let Some((url, path)) = self.wanted.front() else { return Ok(false) };
        let at = Address::read(url, allowed).map_err(|text| Error::invalid(path.clone(), said(&text)))?;
        self.redirects = 0;
        self.until = (now + EACH_WITHIN).min(self.end);
        self.ask(at);
        Ok(true)
    }
}

impl Exchange {
    /// Begins to fetch what the request needs; it goes on by itself when everything is there. `total`: when the
    /// whole request must be over.
    pub(crate) fn fetch(
        &mut self,
        gateway: &Gateway,
        asking: Asking,
        needs: &[Need],
        total: Total,
        now: Millis,
    ) -> Result<(), Error> {
        let fetch = Fetch::begin(asking, needs, &gateway.config().image_urls, total, now)?;
        self.state = State::Fetch(Box::new(fetch));
        Ok(())
    }

    /// Something happened with the picture under way.
    pub(crate) fn fetch_heard(&mut self, gateway: &mut Gateway, input: &Input<'_>, now: Millis) {
        let State::Fetch(fetch) = &mut self.state else { return };
        let allowed = &gateway.config().image_urls;
        let turned = fetch.hear(input, allowed, now).and_then(|turned| {
            match turned {
                Turned::Waiting => {}
                Turned::Redirected(to) => {
                    self.summary.verdicts.push(format!("image {}: redirected", line(fetch)));
                    fetch.redirect(to);
                }
                Turned::Whole => {
                    self.summary.verdicts.push(format!("image {}: {} bytes", line(fetch), fetch.bytes.len()));
                    fetch.keep()?;
                    return fetch.next(allowed, now).map(|more| !more);
                }
            }
            Ok(false)
        });
        let done = match turned {
            Ok(false) => return,
            Ok(true) => match core::mem::replace(&mut self.state, State::Done) {
                State::Fetch(fetch) => self.open_call(gateway, fetch.asking, now),
                _ => return,
            },
            Err(error) => {
                self.summary.verdicts.push(format!("image {}: refused", line(fetch)));
                Err(error)
            }
        };
        if let Err(error) = done {
            self.fail(gateway, &error, now);
        }
    }
}

/// The address for a log line.
fn line(fetch: &Fetch) -> String {
    fetch.at.shown().chars().take(200).collect()
}

/// A plain request for an address of others. It says who asks and nothing else.
fn get(at: &Address) -> Outbound {
    let headers = vec![
        ("accept".into(), "image/png, image/jpeg, image/gif, image/webp".to_owned()),
        ("user-agent".into(), USER_AGENT.to_owned()),
    ];
    Outbound { method: "GET", url: at.url(), headers, body: Vec::new(), foreign: at.is_foreign() }
}

fn said(text: &str) -> String {
    format!("the URL {text}; send the image as base64")
}

fn too_large() -> String {
    format!("it has more than {} MiB", MAX_PICTURE >> 20)
}

/// How long one picture may take, redirects included, and all pictures of a request together. Nothing is told
/// to the client meanwhile, so that it ends well before proxies cut a quiet connection.
const EACH_WITHIN: Millis = Millis::secs(10);
const ALL_WITHIN: Millis = Millis::secs(30);
/// Addresses of one request.
const MAX_PICTURES: usize = 20;
const MAX_REDIRECTS: usize = 3;
/// Bytes of one picture.
const MAX_PICTURE: usize = 20 << 20;
const OFF: &str = "URLs of images are not fetched by this deployment (IMAGE_URLS=off): send the image as base64";
