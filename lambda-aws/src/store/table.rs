//! A DynamoDB table with the string `pk` as its whole key. An item takes 400 KB, a value may be larger: then parts hold
//! it, and the head only its version.
//!
//! ```text
//! save    parts under a version of their own ─▶ head, if the expected version is there ─▶ parts of the version before
//! load    head ─▶ its parts; if one is missing the value was replaced meanwhile: from the head again
//! remove  head ─▶ its parts
//! ```
//!
//! So a reader never sees parts of two values, and whoever loses removes what it wrote. Parts stay behind when an
//! environment ends between two steps, or when nobody knows whether the head was written: those of a value with a
//! lifetime go with it, and a ledger has parts only from 390 KiB on.

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kiro2api_core::host::{Millis, Saved, StoreError, Stored};
use tokio::time::Instant;

use super::item::{self, Item, Only};
use super::version::{MAX_PARTS, Version};
use crate::aws::{Aws, Call, Cause, Failure, Service};

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    aws: Arc<Aws>,
}

/// A value on its way into the table.
struct Writing<'w> {
    key: &'w str,
    value: &'w [u8],
    version: Version,
    expires: Option<u64>,
}

impl Table {
    pub(super) fn new(name: String, aws: Arc<Aws>) -> Self {
        Self { name, aws }
    }

    /// What is stored at this moment and has not expired at `now`.
    pub(super) async fn load(&self, key: &str, now: Millis) -> Result<Option<Stored>, StoreError> {
        let until = Instant::now() + PATIENCE;
        let mut torn = None;
        loop {
            let head = self.get(key, until).await?.filter(|head| !head.has_expired(now));
            let Some(head) = head else { return Ok(None) };
            let version = head.version().map(Version::read);
            let named = version.as_ref().map(Version::to_string);
            let Some(parts) = version.as_ref().filter(|version| version.has_parts()) else {
                return Ok(Some(Stored { value: head.value().unwrap_or_default(), version: named }));
            };
            match self.gather(key, parts, until).await? {
                Some(value) => return Ok(Some(Stored { value, version: named })),
                // The same head twice: somebody took parts away. Whoever reads it finds nothing of use and replaces it.
                None if torn == version => return Ok(Some(Stored { value: Vec::new(), version: named })),
                None => torn = version,
            }
        }
    }

    async fn gather(&self, key: &str, version: &Version, until: Instant) -> Result<Option<Vec<u8>>, StoreError> {
        let mut whole = Vec::new();
        for part in version.parts(key) {
            let part = self.get(&part, until).await?;
            let Some(bytes) = part.and_then(|part| part.value()) else { return Ok(None) };
            whole.extend_from_slice(&bytes);
        }
        Ok(Some(whole))
    }

    /// Stores if the version is as expected; the value may be dropped after `ends`.
    pub(super) async fn save(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<&str>,
        ends: Option<Millis>,
        now: Millis,
    ) -> Result<Saved, StoreError> {
        let until = Instant::now() + PATIENCE;
        let parts = if value.len() <= PART { 0 } else { value.len().div_ceil(PART) };
        if parts > MAX_PARTS {
            return Err(self.error(format_args!("a value of {} bytes is too large", value.len())));
        }
        let version = Version::draw(self.aws.machine(), parts);
        let writing = Writing { key, value, version, expires: ends.map(|ends| ends.0.div_ceil(1000)) };
        if let Err(error) = self.write_parts(&writing, until).await {
            self.clean(key, &writing.version, until).await;
            return Err(error);
        }
        let only = expected.map_or(Only::IfNone(now), Only::If);
        let saved = self.write_head(&writing, &only, until).await?;
        match (&saved, expected) {
            (Saved::Conflict, _) => self.clean(key, &writing.version, until).await,
            (Saved::Stored(_), Some(replaced)) => self.clean(key, &Version::read(replaced), until).await,
            // What was there had expired, and its parts with it.
            (Saved::Stored(_), None) => {}
        }
        Ok(saved)
    }

    async fn write_parts(&self, writing: &Writing<'_>, until: Instant) -> Result<(), StoreError> {
        for (part, bytes) in writing.version.parts(writing.key).zip(writing.value.chunks(PART)) {
            let input = item::put(&self.name, &Item::part(part, bytes, writing.expires), &Only::Always);
            self.call("PutItem", input, until).await.map_err(|failure| self.refused("PutItem", &failure))?;
        }
        Ok(())
    }

    async fn write_head(&self, writing: &Writing<'_>, only: &Only<'_>, until: Instant) -> Result<Saved, StoreError> {
        let version = writing.version.to_string();
        let whole = (!writing.version.has_parts()).then_some(writing.value);
        let head = Item::head(writing.key, version.clone(), whole, writing.expires);
        match self.call("PutItem", item::put(&self.name, &head, only), until).await {
            Ok(_) => Ok(Saved::Stored(Some(version))),
            Err(failure) if failure.is(CONFLICT) => {
                // A try whose answer was lost may have stored it: then the version is the one that was drawn here.
                let own = failure.tries > 1
                    && self.get(writing.key, until).await?.is_some_and(|head| head.version() == Some(&version));
                Ok(if own { Saved::Stored(Some(version)) } else { Saved::Conflict })
            }
            Err(failure) => Err(self.refused("PutItem", &failure)),
        }
    }

    /// Removes a value, whatever its version.
    pub(super) async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let until = Instant::now() + PATIENCE;
        let input = item::delete(&self.name, key, "ALL_OLD");
        let output = self.call("DeleteItem", input, until).await;
        let output = output.map_err(|failure| self.refused("DeleteItem", &failure))?;
        match self.item(&output)?.as_ref().and_then(Item::version) {
            Some(version) => self.remove_parts(key, &Version::read(version), until).await,
            None => Ok(()),
        }
    }

    async fn remove_parts(&self, key: &str, version: &Version, until: Instant) -> Result<(), StoreError> {
        for part in version.parts(key) {
            let input = item::delete(&self.name, &part, "NONE");
            self.call("DeleteItem", input, until).await.map_err(|failure| self.refused("DeleteItem", &failure))?;
        }
        Ok(())
    }

    /// Removes parts that nobody needs. The save has come to its end before: what cannot be removed changes nothing.
    async fn clean(&self, key: &str, version: &Version, until: Instant) {
        let until = until.min(Instant::now() + CLEANING);
        let _ = self.remove_parts(key, version, until).await;
    }

    async fn get(&self, key: &str, until: Instant) -> Result<Option<Item>, StoreError> {
        let output = self.call("GetItem", item::get(&self.name, key), until).await;
        self.item(&output.map_err(|failure| self.refused("GetItem", &failure))?)
    }

    fn item(&self, output: &[u8]) -> Result<Option<Item>, StoreError> {
        item::output(output).map_err(|()| self.error(format_args!("it answered something that is no item of a table")))
    }

    async fn call(&self, operation: &'static str, input: Bytes, until: Instant) -> Result<Bytes, Failure> {
        self.aws.call(&Call { service: Service::DynamoDb, region: None, operation, input }, until).await
    }

    fn refused(&self, operation: &str, failure: &Failure) -> StoreError {
        let advice = advice(operation, &failure.cause);
        self.error(format_args!("{operation} failed after {} tries: {}{advice}", failure.tries, failure.cause))
    }

    fn error(&self, text: fmt::Arguments<'_>) -> StoreError {
        StoreError(format!("DynamoDB table {}: {text}", self.name))
    }
}

/// What the operator can do about it.
fn advice(operation: &str, cause: &Cause) -> String {
    let Cause::Refused { code, .. } = cause else {
        return match cause {
            Cause::Unconnected(_) | Cause::Silent => {
                "; in a VPC the function needs a gateway endpoint for DynamoDB".into()
            }
            _ => String::new(),
        };
    };
    match code.as_str() {
        "AccessDeniedException" | "KMSAccessDeniedException" => format!(
            "; let the role of the function perform dynamodb:{operation} on the table, and kms:Decrypt where a key of \
             your own encrypts it"
        ),
        "ResourceNotFoundException" => {
            "; the region of the function has no such table: create it or mend TOKEN_TABLE".into()
        }
        "ValidationException" => "; the table must have the partition key \"pk\" (a string) and no sort key".into(),
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => {
            "; the credentials of the function are not taken: it should run with those of its role".into()
        }
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded" => {
            "; give the table more capacity, best on demand (PAY_PER_REQUEST)".into()
        }
        _ => String::new(),
    }
}

/// Less than the core waits for its store, so that it gets the reason and not only the end of its patience.
const PATIENCE: Duration = Duration::from_millis(4_500);
const CLEANING: Duration = Duration::from_secs(1);
/// Bytes of an item's value. With key, version and names an item stays below 400 KB.
const PART: usize = 390 * 1024;
const CONFLICT: &str = "ConditionalCheckFailedException";
