//! Names of places of the service: regions, and the profiles of accounts. They become parts of host names and requests,
//! so nothing that only looks like one may pass.

/// The text where it can be a region's name, such as `us-east-1` or `us-gov-west-1`; at most 32 characters.
pub fn region(text: &str) -> Option<&str> {
    is_region(text).then_some(text)
}

/// Whether a text can be a region's name.
pub fn is_region(text: &str) -> bool {
    let label = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(label)
}

/// Whether a profile's ARN has the form the service issues:
/// `arn:PARTITION:codewhisperer:REGION:12 digits:profile/NAME`, at most 256 characters.
pub fn is_profile_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or("");
    let lower = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.len() <= 256
        && next() == "arn"
        && lower(next())
        && next() == "codewhisperer"
        && lower(next())
        && matches!(next(), account if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        && next().strip_prefix("profile/").is_some_and(name)
}
