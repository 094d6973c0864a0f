//! Who may ask for what: the client key, its scopes, its models and its end.

use std::borrow::Cow;

use crate::auth::Scope;
use crate::error::{Error, Kind};
use crate::exchange::intake::{is_deep, wants_refresh};
use crate::exchange::kept::Owner;
use crate::exchange::plan::platform_limit;
use crate::exchange::{Exchange, Gateway};
use crate::host::{Incoming, Millis};
use crate::models::Catalogue;
use crate::route::{self, Route};

impl Exchange {
    /// The client key and the configuration.
    pub(crate) fn admit(
        &mut self,
        gateway: &Gateway,
        route: &Route,
        incoming: &Incoming,
        now: Millis,
    ) -> Result<(), Error> {
        let config = gateway.config();
        let deep = *route == Route::Health && is_deep(incoming);
        if !route::guarded(route) && !deep {
            return Ok(());
        }
        let keyed = !config.client_keys.is_empty();
        if keyed {
            self.summary.key = Some(UNKNOWN.to_owned());
            let caller = config.client_keys.check(&incoming.headers, now)?;
            self.summary.key = Some(caller.label().to_owned());
            caller.check_term(now)?;
            caller.check_scope(scopes(route, incoming))?;
            self.sees_addresses = caller.has(Scope::Admin);
            self.models = caller.models().map(<[String]>::to_vec);
            if route::keeps(route) {
                self.owner = Some(Owner::of(caller.key));
            }
        }
        // With a key set, deep health is where the operator reads what else is missing.
        let told_by_health = deep && keyed;
        if !config.problems.is_empty() && !told_by_health {
            return Err(Error::new(Kind::NotConfigured, config.problems.join("; ")));
        }
        if route::waits(route) && self.term.is_too_short() {
            let text = format!("{}, {TOO_SHORT}", platform_limit(self.term.span()));
            return Err(Error::new(Kind::NotConfigured, text));
        }
        Ok(())
    }

    /// The models this client sees.
    pub(crate) fn models<'g>(&self, catalogue: &'g Catalogue) -> Cow<'g, Catalogue> {
        match &self.models {
            Some(names) => Cow::Owned(catalogue.only(names)),
            None => Cow::Borrowed(catalogue),
        }
    }

    /// Whether the client's key may use the model of this name.
    ///
    /// # Errors
    /// [`Kind::Forbidden`], which names those it may use.
    pub(crate) fn check_model(&self, catalogue: &Catalogue, name: &str) -> Result<(), Error> {
        let own = self.models(catalogue);
        let wanted = catalogue.find(name).map(|model| &model.id);
        if self.models.is_none() || own.find(name).map(|model| &model.id) == wanted {
            return Ok(());
        }
        let ids: Vec<&str> = own.all().iter().map(|model| &*model.id).collect();
        let which = if ids.is_empty() { NO_MODEL.to_owned() } else { format!("it may use {}", ids.join(", ")) };
        let text = format!("this API key may not use the model {name:?}: {which}");
        Err(Error::at(Kind::Forbidden, "model", text))
    }
}

/// One of these is needed.
fn scopes(route: &Route, incoming: &Incoming) -> &'static [Scope] {
    match route {
        // Whoever has a key may know whether the gateway works.
        Route::Health => &[Scope::Use, Scope::Metrics, Scope::Admin],
        Route::Stats if wants_refresh(incoming) => &[Scope::Admin],
        Route::Stats => &[Scope::Metrics, Scope::Admin],
        _ => &[Scope::Use],
    }
}

/// What the log calls a client without a valid key. No key can be called so.
const UNKNOWN: &str = "unknown";
const NO_MODEL: &str = "those it is limited to are not known to this gateway; tell its operator";
const TOO_SHORT: &str =
    "too little for an answer: set the timeout of the function to 900 s, or as much as the platform takes";
