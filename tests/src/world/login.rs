//! Accounts as the operator of an instance writes them, each of which the service of a world knows.

use crate::accounts::{self, Account};

/// The demo Social account.
pub fn social() -> String {
    format!(r#"[{{"auth":"Social","refreshToken":"{}","label":"demo-social"}}]"#, accounts::DEMO_SOCIAL_REFRESH_TOKEN)
}

/// The demo IdC account.
pub fn idc() -> String {
    format!(
        r#"[{{"auth":"IdC","refreshToken":"{}","clientId":"{}","clientSecret":"{}","region":"{}","label":"demo-idc"}}]"#,
        accounts::DEMO_IDC_REFRESH_TOKEN,
        accounts::DEMO_IDC_CLIENT_ID,
        accounts::DEMO_IDC_CLIENT_SECRET,
        accounts::DEMO_IDC_REGION,
    )
}

/// The demo API key.
pub fn key() -> String {
    format!(r#"[{{"auth":"ApiKey","apiKey":"{}","label":"demo-key"}}]"#, accounts::DEMO_API_KEY)
}

/// Social accounts of these labels.
pub fn socials(labels: &[&str]) -> String {
    let entry = |label: &&str| format!(r#"{{"auth":"Social","refreshToken":"{}","label":"{label}"}}"#, token(label));
    format!("[{}]", labels.iter().map(entry).collect::<Vec<_>>().join(","))
}

/// The same accounts as the service knows them.
pub fn accounts(labels: &[&str]) -> Vec<Account> {
    labels.iter().map(|label| Account::social(label, &token(label))).collect()
}

/// The refresh token such an account begins with.
pub fn token(label: &str) -> String {
    format!("aor{label}{}", "0123456789abcdefghijklmnopqrstuvwxyz".repeat(3))
}
