//! The settings: the process's variables, and secrets that lie elsewhere.
//!
//! A secret `NAME` is the variable itself, or what `NAME_FILE` (a path) or `NAME_ARN` (a secret of Secrets Manager or a
//! parameter of SSM) names. Those are read when the environment starts, all of them side by side, and again when the
//! core asks.

mod source;

use core::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kiro2api_core::config::Config;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::aws::{Aws, Call, Cause, Failure, Service};
use source::{ARN, FILE, Source};

/// Reads a variable of the process.
pub(crate) type Get = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where the settings come from. `Debug` shows none.
pub(crate) struct Settings {
    get: Get,
    aws: Arc<Aws>,
}

impl Settings {
    pub(crate) fn new(get: Get, aws: Arc<Aws>) -> Self {
        Self { get, aws }
    }

    /// Whether they can change while the environment lives: a variable cannot.
    pub(crate) fn can_change(&self) -> bool {
        SECRETS.iter().any(|name| !matches!(Source::of(name, &self.get), Ok(Source::Variable(_))))
    }

    /// Reads all of them. What cannot be read is a problem of the configuration.
    pub(crate) async fn read(&self) -> Config {
        let [accounts, social, clients, sealing] = SECRETS;
        let secrets: [_; SECRETS.len()] =
            tokio::join!(self.secret(accounts), self.secret(social), self.secret(clients), self.secret(sealing)).into();
        Config::read_with(&|name| match SECRETS.iter().zip(&secrets).find(|(secret, _)| **secret == name) {
            Some((_, value)) => value.clone(),
            None => Ok((self.get)(name)),
        })
    }

    /// The value of a secret; or why there is none and what to do, without a word of it.
    async fn secret(&self, name: &str) -> Result<Option<String>, String> {
        let (variable, value) = match Source::of(name, &self.get)? {
            Source::Variable(value) => return Ok(value),
            Source::File(path) => (format!("{name}{FILE}"), file(name, &path)?),
            Source::Secret { id, region } => {
                (format!("{name}{ARN}"), self.manager(name, &id, region.as_deref()).await?)
            }
            Source::Parameter { id, region } => {
                (format!("{name}{ARN}"), self.parameter(name, &id, region.as_deref()).await?)
            }
        };
        if value.trim().is_empty() { Err(format!("what {variable} names is empty")) } else { Ok(Some(value)) }
    }

    async fn manager(&self, name: &str, id: &str, region: Option<&str>) -> Result<String, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output {
            secret_string: Option<String>,
            secret_binary: Option<String>,
        }
        let input = json!({ "SecretId": id }).to_string().into();
        let output: Output = self.ask(name, Service::SecretsManager, "GetSecretValue", region, input).await?;
        let binary = || text(&output.secret_binary?);
        output.secret_string.or_else(binary).ok_or_else(|| format!("the secret that {name}{ARN} names holds no text"))
    }

    async fn parameter(&self, name: &str, id: &str, region: Option<&str>) -> Result<String, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output {
            parameter: Parameter,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Parameter {
            value: String,
        }
        let input = json!({ "Name": id, "WithDecryption": true }).to_string().into();
        let output: Output = self.ask(name, Service::Ssm, "GetParameter", region, input).await?;
        Ok(output.parameter.value)
    }

    async fn ask<T: for<'d> Deserialize<'d>>(
        &self,
        name: &str,
        service: Service,
        operation: &'static str,
        region: Option<&str>,
        input: Bytes,
    ) -> Result<T, String> {
        let call = Call { service, region, operation, input };
        let output = self.aws.call(&call, Instant::now() + PATIENCE).await;
        let output = output.map_err(|failure| refused(name, service, operation, &failure))?;
        // The error of the reader would hold words of the secret.
        serde_json::from_slice(&output).map_err(|_| format!("{} answered something else", service.name()))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

/// A file is small and near: nothing is gained by not waiting for it.
fn file(name: &str, path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("the file that {name}{FILE} names: {}", error.kind()))
}

/// Binary secrets that are text all the same.
fn text(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}

fn refused(name: &str, service: Service, operation: &str, failure: &Failure) -> String {
    let (cause, of) = (&failure.cause, service.name());
    let Cause::Refused { code, .. } = cause else {
        return format!("{of}: {cause}; in a VPC the function needs an endpoint for {of}");
    };
    let advice = match code.as_str() {
        "AccessDeniedException" => format!(
            "let the role of the function perform {of}:{operation} on what {name}{ARN} names, and kms:Decrypt where a \
             key of your own encrypts it"
        ),
        "DecryptionFailure" | "InvalidKeyId" | "KMSAccessDeniedException" => {
            format!("let the role of the function perform kms:Decrypt with the key of what {name}{ARN} names")
        }
        "ResourceNotFoundException" | "ParameterNotFound" | "ParameterVersionNotFound" => {
            format!("{name}{ARN} names nothing that is there: create it, or mend the name or its region")
        }
        "InvalidRequestException" => format!("what {name}{ARN} names may be marked for deletion: restore it"),
        "ValidationException" | "InvalidParameterException" => {
            format!("{name}{ARN} must be the ARN or the name of a secret, or of a parameter")
        }
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidSignatureException" => {
            "the credentials of the function are not taken: it should run with those of its role".into()
        }
        _ => format!("look whether what {name}{ARN} names can be read"),
    };
    format!("{of}:{operation} says {cause}; {advice}")
}

/// The names whose values are secrets.
const SECRETS: [&str; 4] = ["KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN", "KIRO_CLIENT_TOKEN", "TOKEN_STORE_KEY"];
/// Less than the core waits for fresh settings, and than the platform waits for the start (10 s).
const PATIENCE: Duration = Duration::from_millis(4_500);
