//! A secret in Secrets Manager or a parameter of Systems Manager, by way of the AWS CLI and the person's own login to it.
//!
//! Values travel on standard input and output, never among arguments.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::place::Stored;
use crate::failure::{Failure, Result};
use crate::process::{Said, ask};

/// Which of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Secrets Manager: compares before it stores.
    Secret,
    /// Parameter Store: only numbers what is stored.
    Parameter,
}

/// A value and its version; no version where there is no value yet. Holds secrets: it has no `Debug`.
pub(super) struct Kept {
    pub(super) text: String,
    pub(super) version: Option<String>,
}

impl Service {
    /// Its word for what it keeps, which is also the option that names one.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Parameter => "parameter",
        }
    }

    /// Reads the value.
    pub(super) fn load(self, name: &str) -> Result<Kept> {
        match self {
            Self::Secret => load_secret(name),
            Self::Parameter => load_parameter(name).map(|(kept, _)| kept),
        }
    }

    /// Stores a value over the version that was read.
    pub(super) fn store(self, name: &str, text: &str, version: Option<&str>) -> Result<Stored> {
        match self {
            Self::Secret => store_secret(name, text, version),
            Self::Parameter => store_parameter(name, text, version),
        }
    }
}

fn load_secret(name: &str) -> Result<Kept> {
    let get = ["secretsmanager", "get-secret-value", "--version-stage", "AWSCURRENT", "--secret-id", name];
    let said = aws(name, &get, "")?;
    if !said.success {
        return match code(&said.complaint) {
            Some("ResourceNotFoundException") if is_empty(name)? => Ok(Kept { text: String::new(), version: None }),
            _ => Err(refused(&said, Service::Secret, name)),
        };
    }
    let value = json(&said)?;
    match (member(&value, "SecretString"), member(&value, "VersionId")) {
        (Some(text), Some(version)) => Ok(Kept { text, version: Some(version) }),
        _ => Err(Failure::new(format!("the secret {name} holds bytes and no text: store `[]` in it to begin a list"))),
    }
}

/// Whether the secret is there and holds nothing yet.
fn is_empty(name: &str) -> Result<bool> {
    let said = aws(name, &["secretsmanager", "describe-secret", "--secret-id", name], "")?;
    if !said.success {
        return Ok(false);
    }
    let value = json(&said)?;
    let versions = value.get("VersionIdsToStages").and_then(Value::as_object);
    Ok(versions.is_none_or(|versions| versions.is_empty()))
}

/// Stores the value beside the current one, and then makes it the current one if that is still the one which was read. The
/// service does the latter in one step, so that of two who store at once one is told.
fn store_secret(name: &str, text: &str, version: Option<&str>) -> Result<Stored> {
    let mut put = vec!["secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", INPUT];
    if version.is_some() {
        put.extend(["--version-stages", DRAFT]);
    }
    let said = aws(name, &put, text)?;
    if !said.success {
        return Err(refused(&said, Service::Secret, name));
    }
    let Some(read) = version else { return Ok(Stored::Yes) };
    let draft = member(&json(&said)?, "VersionId")
        .ok_or_else(|| Failure::new("`aws secretsmanager put-secret-value` did not say which version it stored"))?;
    let said = aws(
        name,
        &[
            "secretsmanager",
            "update-secret-version-stage",
            "--secret-id",
            name,
            "--version-stage",
            "AWSCURRENT",
            "--move-to-version-id",
            &draft,
            "--remove-from-version-id",
            read,
        ],
        "",
    )?;
    match (said.success, code(&said.complaint)) {
        (true, _) => Ok(Stored::Yes),
        (false, Some("InvalidParameterException" | "InvalidRequestException")) => Ok(Stored::Conflict),
        (false, _) => Err(refused(&said, Service::Secret, name)),
    }
}

fn load_parameter(name: &str) -> Result<(Kept, u64)> {
    let said = aws(name, &["ssm", "get-parameter", "--with-decryption", "--name", name], "")?;
    if !said.success {
        if code(&said.complaint) == Some("ParameterNotFound") {
            return Ok((Kept { text: String::new(), version: None }, 0));
        }
        return Err(refused(&said, Service::Parameter, name));
    }
    let value = json(&said)?;
    let parameter = value.get("Parameter").unwrap_or(&Value::Null);
    if member(parameter, "Type").as_deref() != Some("SecureString") {
        return Err(Failure::new(format!(
            "the parameter {name} is no SecureString, so that it would keep the accounts in the clear: delete it, or name another"
        )));
    }
    let number = parameter.get("Version").and_then(Value::as_u64);
    match (member(parameter, "Value"), number) {
        (Some(text), Some(number)) => Ok((Kept { text, version: Some(number.to_string()) }, number)),
        _ => Err(Failure::new("`aws ssm get-parameter` gave no answer that can be read")),
    }
}

/// This service compares nothing: it is looked at before, and the number it gives tells whether somebody came between.
fn store_parameter(name: &str, text: &str, version: Option<&str>) -> Result<Stored> {
    let (kept, number) = load_parameter(name)?;
    if kept.version.as_deref() != version {
        return Ok(Stored::Conflict);
    }
    let mut put = vec!["ssm", "put-parameter", "--name", name, "--type", "SecureString", "--value", INPUT];
    if version.is_some() {
        put.push("--overwrite");
    }
    let said = aws(name, &put, text)?;
    match (said.success, code(&said.complaint)) {
        (true, _) => {}
        (false, Some("ParameterAlreadyExists")) => return Ok(Stored::Conflict),
        (false, _) => return Err(refused(&said, Service::Parameter, name)),
    }
    match json(&said)?.get("Version").and_then(Value::as_u64) {
        Some(stored) if stored == number + 1 => Ok(Stored::Yes),
        _ => Err(Failure::new(format!(
            "the list is stored in the parameter {name}, and it has replaced one that somebody else stored at the same moment: \
             look at its history (`aws ssm get-parameter-history`) and at the list"
        ))),
    }
}

fn aws(name: &str, arguments: &[&str], input: &str) -> Result<Said> {
    if !is_installed("aws") {
        return Err(Failure::new(
            "the AWS CLI (`aws`) was not found: install it (https://docs.aws.amazon.com/cli/) and log in with `aws configure sso` or \
             `aws configure`",
        ));
    }
    let mut command = Command::new("aws");
    command.args(arguments).args(["--output", "json"]);
    // The first version of the CLI does not know AWS_REGION.
    let known = region(name).map(str::to_owned).or_else(|| std::env::var("AWS_REGION").ok());
    if let Some(region) = known.filter(|region| !region.is_empty()) {
        command.args(["--region", &region]);
    }
    command.env("AWS_PAGER", "");
    ask(&mut command, input, LIMIT)
}

/// The region of an ARN.
fn region(name: &str) -> Option<&str> {
    name.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn refused(said: &Said, service: Service, name: &str) -> Failure {
    let word = service.word();
    let words = match code(&said.complaint) {
        Some("ResourceNotFoundException") => {
            format!("there is no secret {name} in this account and region: make it with `aws secretsmanager create-secret --name NAME`")
        }
        Some("AccessDeniedException") => {
            format!("this login may not do that with the {word} {name}: the AWS CLI says which permission is missing")
        }
        _ if LOGGED_OUT.iter().any(|mark| said.complaint.contains(mark)) => {
            "the AWS CLI is not logged in: run `aws sso login` or `aws configure`, and set AWS_PROFILE if you have several".to_owned()
        }
        _ if said.complaint.contains("must specify a region") => {
            "the AWS CLI knows no region: set AWS_REGION, or give the whole ARN".to_owned()
        }
        _ => format!("the AWS CLI could not do that with the {word} {name}"),
    };
    Failure::new(words).with_output(&*said.complaint)
}

/// `X` of `An error occurred (X) when calling …`.
fn code(complaint: &str) -> Option<&str> {
    complaint.split_once("An error occurred (")?.1.split_once(')').map(|(code, _)| code)
}

fn json(said: &Said) -> Result<Value> {
    // What it says is the secret: the error tells nothing of it.
    serde_json::from_str(&said.answer).map_err(|_| Failure::new("the AWS CLI gave no JSON that can be read"))
}

fn member(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// What the CLI reads for an option's value.
const INPUT: &str = "file:///dev/stdin";
/// The staging label of a value that is not yet the current one.
const DRAFT: &str = "kiro2api-draft";
const LOGGED_OUT: [&str; 7] = [
    "Unable to locate credentials",
    "NoCredentials",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "SSO session",
    "Token has expired",
];
const LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_brings_its_region() {
        assert_eq!(region("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf"), Some("eu-west-1"));
        assert_eq!(region("kiro/accounts"), None);
    }

    #[test]
    fn the_code_of_an_error_is_found() {
        let text = "\nAn error occurred (ParameterNotFound) when calling the GetParameter operation: \n";
        assert_eq!(code(text), Some("ParameterNotFound"));
        assert_eq!(code("Unable to locate credentials"), None);
    }
}
