//! Everything that must never come out.

use super::ask::CLIENT_KEY;
use super::service::Service;
use crate::accounts;
use crate::accounts::Kind;

/// The secrets of a world.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(service: &Service) -> Self {
        let mut secrets = vec![
            CLIENT_KEY.to_owned(),
            accounts::DEMO_SOCIAL_REFRESH_TOKEN.to_owned(),
            accounts::DEMO_IDC_REFRESH_TOKEN.to_owned(),
            accounts::DEMO_IDC_CLIENT_SECRET.to_owned(),
            accounts::DEMO_API_KEY.to_owned(),
            // How every simulated access and refresh token begins.
            "aoaSIM-".to_owned(),
            "aorSIM-".to_owned(),
        ];
        secrets.extend(service.access_tokens());
        service.configure(|config| {
            for account in &config.accounts {
                secrets.push(account.secret.clone());
                if let Kind::Idc { client_secret, .. } = &account.kind {
                    secrets.push(client_secret.clone());
                }
            }
        });
        Self(secrets)
    }

    pub(super) fn search(&self, place: &str, bytes: &[u8], leaks: &mut Vec<String>) {
        let text = String::from_utf8_lossy(bytes);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                let shown: String = secret.chars().take(12).collect();
                leaks.push(format!("{place} holds {shown}…"));
            }
        }
    }
}
