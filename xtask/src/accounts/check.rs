//! `cargo xtask accounts check`: tries each account as the gateway would, and says what it can do.
//!
//! A renewal may give a new refresh token and end the old one: it is stored before anything else is asked.

use std::fs::File;

use kiro2api_core::host::{Millis, Outbound};
use kiro2api_core::pool::{Credential, Login};
use kiro2api_core::secret::Secret;
use kiro2api_core::upstream::endpoint::{self, Bases};
use kiro2api_core::upstream::quota::{self, Limits};
use kiro2api_core::upstream::refresh::{self, RefreshFault, RefreshLogin};
use kiro2api_core::upstream::{Fault, FaultKind, profile};

use super::entry::Entry;
use super::place::{OnConflict, Place};
use super::web::Web;
use super::{accounts, bases, day, now};
use crate::failure::{Failure, Result};
use crate::process::interrupt;
use crate::progress::{answer, say};

/// Checks the account that is meant, or all of them.
///
/// # Errors
/// When one of them cannot serve, after all were tried; or when a new token could not be stored.
pub(super) fn run(place: &Place<'_>, which: Option<&str>) -> Result<()> {
    // Two that renew the same login at once would end each other's.
    let turn = place.turn()?;
    let list = place.load()?;
    let wanted = match which {
        Some(which) => vec![list.find(which)?],
        None => (0..list.len()).collect(),
    };
    if wanted.is_empty() {
        return Err(Failure::new(format!(
            "there is no account in {}: see `cargo xtask accounts --help`",
            place.name()
        )));
    }
    let service = Service { web: Web::new(), bases: bases()?, turn };
    let width = wanted.iter().map(|at| list.label(*at).chars().count()).max().unwrap_or(0);
    let (mut off, mut bad) = (0, 0);
    for at in &wanted {
        interrupt::check()?;
        let Some(entry) = list.entries().get(*at) else { continue };
        let label = list.label(*at);
        if entry.is_off() {
            answer(&format!("{label:<width$}  switched off"));
            off += 1;
            continue;
        }
        let found = service.try_account(place, entry, &label)?;
        answer(&format!("{label:<width$}  {}", found.text));
        if let Some(end) = entry.ends().filter(|end| *end < now() + SOON) {
            say(&format!(
                "{label}: its client registration ends on {}: {}",
                day(end),
                entry.login_again(&label, &place.flags())
            ));
        }
        bad += usize::from(!found.serves);
    }
    match bad {
        0 if off == wanted.len() => {
            Err(Failure::new("every account is switched off: `cargo xtask accounts enable LABEL`"))
        }
        0 => Ok(()),
        bad => Err(Failure::new(format!("{bad} of {} cannot serve", accounts(wanted.len() - off)))),
    }
}

/// What was found of an account.
struct Found {
    serves: bool,
    text: String,
}

impl Found {
    fn bad(state: &str, why: &str, what_to_do: &str) -> Self {
        Self { serves: false, text: format!("{state}: {why}\n  → {what_to_do}") }
    }
}

/// The service, real or simulated.
struct Service {
    web: Web,
    bases: Bases,
    /// Kept as long as logins are renewed.
    turn: File,
}

/// What calls are made with.
struct Bearer {
    token: Secret,
    api_key: bool,
    profile_arn: Option<String>,
}

impl Service {
    fn try_account(&self, place: &Place<'_>, entry: &Entry, label: &str) -> Result<Found> {
        let credential = match entry.credential() {
            Ok(credential) => credential,
            Err(problem) => {
                let way_out = "correct the entry, or remove it and import it again";
                return Ok(Found::bad("wrong entry", &problem, way_out));
            }
        };
        let mut bearer = match self.sign_in(place, entry, &credential)? {
            Ok(bearer) => bearer,
            Err(fault) => return Ok(refresh_found(&fault, &entry.login_again(label, &place.flags()))),
        };
        interrupt::check()?;
        if bearer.profile_arn.is_none() && !bearer.api_key {
            bearer.profile_arn = self.find_profile(&bearer.token);
        }
        Ok(match self.limits(&credential, &bearer) {
            Ok(limits) => limits_found(&limits),
            Err(fault) => fault_found(&fault, &entry.login_again(label, &place.flags())),
        })
    }

    /// A fresh access token. What it was renewed to is stored when this returns.
    fn sign_in(
        &self,
        place: &Place<'_>,
        entry: &Entry,
        credential: &Credential,
    ) -> Result<std::result::Result<Bearer, RefreshFault>> {
        let refresh_token = &credential.secret;
        let login = match &credential.login {
            Login::ApiKey => {
                let token = credential.secret.clone();
                return Ok(Ok(Bearer { token, api_key: true, profile_arn: credential.profile_arn.clone() }));
            }
            Login::Social => RefreshLogin::Social { refresh_token },
            Login::Idc { client_id, client_secret } => RefreshLogin::Idc { client_id, client_secret, refresh_token },
        };
        let request = refresh::request(login, credential.region.as_deref(), &self.bases);
        let grant = match self.web.send(&request) {
            Ok((head, body)) => refresh::read(&head, &body, now()),
            Err(_) => Err(RefreshFault::Later(None)),
        };
        let grant = match grant {
            Ok(grant) => grant,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Some(fresh) = grant.refresh.filter(|fresh| fresh != refresh_token) {
            let mut renewed = entry.clone();
            renewed.renew(fresh.reveal());
            let stored = store(place, &self.turn, credential, &fresh);
            stored.map_err(|failure| place.rescued(failure, &renewed))?;
        }
        let profile_arn = credential.profile_arn.clone().or(grant.profile_arn);
        Ok(Ok(Bearer { token: grant.access, api_key: false, profile_arn }))
    }

    /// The account's profile: every region is asked, the first host of each that answers.
    fn find_profile(&self, token: &Secret) -> Option<String> {
        let mut found = Vec::new();
        for hosts in endpoint::control_hosts(&self.bases) {
            for host in hosts {
                match self.profiles(&host, token) {
                    Some(profiles) => {
                        found.extend(profiles);
                        break;
                    }
                    None => continue,
                }
            }
        }
        profile::pick(&found).map(|profile| profile.arn.clone())
    }

    fn profiles(&self, host: &str, token: &Secret) -> Option<Vec<profile::Profile>> {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let (head, body) = self.web.send(&profile::request(host, token, next.as_deref())).ok()?;
            let page = profile::read(&head, &body, now()).ok()?;
            found.extend(page.profiles);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        Some(found)
    }

    fn limits(&self, credential: &Credential, bearer: &Bearer) -> std::result::Result<Limits, Fault> {
        let arn = bearer.profile_arn.as_deref();
        let ways = quota::ways(&self.bases, credential.region.as_deref(), arn);
        let mut at = 0;
        loop {
            let Some(way) = ways.get(at) else { return Err(Fault::malformed("there is no host to ask")) };
            let outcome = self.one_way(&quota::request(way, &bearer.token, bearer.api_key, arn));
            let Err(fault) = &outcome else { return outcome };
            match quota::next_way(&ways, at, fault.kind) {
                Some(next) => at = next,
                None => return outcome,
            }
        }
    }

    fn one_way(&self, request: &Outbound) -> std::result::Result<Limits, Fault> {
        match self.web.send(request) {
            Ok((head, body)) => quota::read(&head, &body, now()),
            Err(text) => Err(unreachable_host(text)),
        }
    }
}

/// The new refresh token takes the old one's place, whatever else has changed in the list.
fn store(place: &Place<'_>, turn: &File, credential: &Credential, fresh: &Secret) -> Result<()> {
    place.update_in(turn, OnConflict::Again, |list| {
        let gone = || {
            Failure::new(format!(
                "{} is no longer in the list as it was, and its login has just been renewed",
                credential.label
            ))
        };
        let at = list.with_id(&credential.id).ok_or_else(gone)?;
        list.change(at, |entry| entry.renew(fresh.reveal())).map(drop)
    })
}

fn unreachable_host(text: String) -> Fault {
    use kiro2api_core::host::{TransportError, TransportFault};
    Fault::transport(&TransportError { kind: TransportFault::Connect, text })
}

fn refresh_found(fault: &RefreshFault, login_again: &str) -> Found {
    match fault {
        RefreshFault::Dead(reason) => Found::bad(
            "needs login",
            reason,
            &format!(
                "{login_again}\n    A gateway that has used this account keeps the token it was given since in its own store, and may \
                 still serve with it."
            ),
        ),
        RefreshFault::Rejected(text) => Found::bad("refused", text, login_again),
        RefreshFault::Later(_) => {
            Found::bad("not known", "the login endpoint could not be reached, or has trouble", "try again later")
        }
    }
}

fn fault_found(fault: &Fault, login_again: &str) -> Found {
    let said = fault.to_string();
    match fault.kind {
        FaultKind::Suspended => Found::bad(
            "suspended",
            &said,
            "the provider has locked this account: write to its support; the gateway leaves it out",
        ),
        FaultKind::QuotaUsedUp => {
            Found::bad("quota used up", &said, "wait until it begins anew, or allow overage in its plan")
        }
        FaultKind::BearerInvalid => Found::bad("needs login", &said, login_again),
        FaultKind::NotAuthorized | FaultKind::ProfileRequired | FaultKind::InvalidProfile => Found::bad(
            "not authorized",
            &said,
            "check the entry's profileArn and region, and that the account has a plan",
        ),
        FaultKind::Throttled => Found::bad("throttled", &said, "wait a minute and try again"),
        _ => Found::bad(
            "not known",
            &format!("its login works, and its quota could not be read: {said}"),
            "try again later",
        ),
    }
}

fn limits_found(limits: &Limits) -> Found {
    let plan = limits.plan.as_deref().unwrap_or("plan not told");
    let resets = limits.resets.map(|time| format!(", begins anew on {}", day(time))).unwrap_or_default();
    let amounts = format!("{plan}, {} of {} left{resets}", amount(limits.remaining), amount(limits.limit));
    if limits.remaining > 0.0 {
        return Found { serves: true, text: format!("ok: {amounts}") };
    }
    if limits.overage {
        return Found { serves: true, text: format!("ok, at the price of overage: {amounts}") };
    }
    Found::bad(
        "quota used up",
        &amounts,
        "wait until it begins anew, or allow overage in its plan; the gateway uses the others",
    )
}

/// At most two decimals, and none that say nothing.
fn amount(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A registration that ends within this time is told of.
const SOON: Millis = Millis::mins(14 * 24 * 60);
/// Pages of profiles that are read from one host.
const MAX_PAGES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short_to_read() {
        assert_eq!(
            [amount(876.55), amount(1000.0), amount(0.0), amount(12.5), amount(100.0)],
            ["876.55", "1000", "0", "12.5", "100"]
        );
    }

    #[test]
    fn nothing_left_serves_only_with_overage() {
        let limits = Limits { limit: 50.0, used: 50.0, ..Limits::default() };
        assert!(!limits_found(&limits).serves);
        assert!(limits_found(&Limits { overage: true, ..limits.clone() }).serves);
        assert!(limits_found(&Limits { remaining: 0.5, ..limits }).serves);
    }
}
