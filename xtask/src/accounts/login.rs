//! `cargo xtask accounts login`: signs in through the browser, with a code, and stores the login.

use std::time::{Duration, Instant};

use kiro2api_core::host::Outbound;
use kiro2api_core::upstream::endpoint::Bases;
use serde_json::Map;

use super::entry::{ENDS, Entry, Marks};
use super::oidc::{self, Client, Device, Poll};
use super::place::Place;
use super::web::Web;
use super::{bases, put};
use crate::failure::{Failure, Result};
use crate::process::interrupt;
use crate::progress::say;

/// Signs in, waits for the person, stores the result.
pub(super) fn run(place: &Place<'_>, start_url: Option<String>, region: Option<String>, marks: &Marks) -> Result<()> {
    // What stands in the way of storing is told before somebody signs in.
    drop(place.turn()?);
    place.load()?;
    let bases: Bases = bases()?;
    let configured = std::env::var("KIRO_REGION").ok().filter(|region| !region.trim().is_empty());
    let region = region.or(configured).unwrap_or_else(|| USUAL_REGION.to_owned());
    let base = bases.oidc(Some(&region)).into_owned();
    let (web, start) = (Web::new(), start_url.as_deref().unwrap_or(BUILDER_ID));
    let trial = Client { id: "a-client".to_owned(), secret: "its-secret".to_owned(), ends: None };
    let trial = entry(&"x".repeat(LENGTH), &trial, &region, start).marked(marks);
    trial.credential().map_err(|problem| Failure::new(format!("such a login could not be stored: {problem}")))?;
    let client = ask(&web, &oidc::register(&base), oidc::registered)?;
    let device = ask(&web, &oidc::authorize(&base, &client, start), oidc::authorized)?;
    say(&invitation(&device));
    let refresh = wait(&web, &base, &client, &device)?;
    let entry = entry(&refresh, &client, &region, start);
    put(place, std::slice::from_ref(&entry), marks).map_err(|failure| place.rescued(failure, &entry.marked(marks)))
}

/// The entry of a login.
fn entry(refresh: &str, client: &Client, region: &str, start: &str) -> Entry {
    let mut members = Map::new();
    let provider = if start == BUILDER_ID { "BuilderId" } else { "Enterprise" };
    for (name, value) in [
        ("auth", "IdC"),
        ("provider", provider),
        ("refreshToken", refresh),
        ("clientId", &client.id),
        ("clientSecret", &client.secret),
        ("region", region),
        ("startUrl", start),
    ] {
        members.insert(name.to_owned(), value.into());
    }
    if let Some(ends) = client.ends {
        members.insert(ENDS.to_owned(), ends.into());
    }
    Entry::new(members)
}

fn ask<T>(
    web: &Web,
    request: &Outbound,
    read: impl Fn(&kiro2api_core::host::Head, &[u8]) -> std::result::Result<T, String>,
) -> Result<T> {
    interrupt::check()?;
    let (head, body) =
        web.send(request).map_err(|error| Failure::new(format!("{} cannot be reached: {error}", request.url)))?;
    read(&head, &body).map_err(Failure::new)
}

fn invitation(device: &Device) -> String {
    let minutes = device.lasts.as_secs().div_ceil(60);
    let (page, code) = (device.page_with_code.as_deref().unwrap_or(&device.page), &device.user_code);
    format!(
        "\n  Open      {page}\n  and check that it shows the code\n\n            {code}\n\n  Then sign in and allow access. The code is valid for {minutes} min; Ctrl-C gives up.\n"
    )
}

/// Polls until the person has decided, as often as the service allows.
fn wait(web: &Web, base: &str, client: &Client, device: &Device) -> Result<String> {
    let (ends, mut interval) = (Instant::now() + device.lasts, device.interval);
    loop {
        pause(interval)?;
        if Instant::now() > ends + interval {
            return Err(Failure::new("nobody approved the login while its code was valid: run the command again"));
        }
        // A connection that fails once is no decision.
        let Ok((head, body)) = web.send(&oidc::poll(base, client, device)) else { continue };
        match oidc::polled(&head, &body) {
            Poll::Granted(refresh) => return Ok(refresh),
            Poll::Wait => {}
            Poll::SlowDown => interval += SLOWER,
            Poll::Over(why) => return Err(Failure::new(why)),
        }
    }
}

fn pause(time: Duration) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        interrupt::check()?;
        std::thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
    }
    interrupt::check()
}

/// Where a Builder ID signs in.
const BUILDER_ID: &str = "https://view.awsapps.com/start";
const USUAL_REGION: &str = "us-east-1";
/// Characters of a refresh token, at least.
const LENGTH: usize = 200;
/// RFC 8628: what `slow_down` adds to the interval.
const SLOWER: Duration = Duration::from_secs(5);
