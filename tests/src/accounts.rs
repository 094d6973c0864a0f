//! The accounts of the simulated service and the credentials they are reached with.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The refresh token of the demo account `demo-social`.
pub const DEMO_SOCIAL_REFRESH_TOKEN: &str = "aorSIMULATEDSOCIAL0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz-demo";
/// The refresh token of the demo account `demo-idc`.
pub const DEMO_IDC_REFRESH_TOKEN: &str = "aorSIMULATEDIDC00123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz-demo";
/// The client registration of the demo account `demo-idc`.
pub const DEMO_IDC_CLIENT_ID: &str = "simulated-client-id";
/// The client registration's secret of the demo account `demo-idc`.
pub const DEMO_IDC_CLIENT_SECRET: &str = "simulated-client-secret";
/// The region of the demo account `demo-idc`.
pub const DEMO_IDC_REGION: &str = "us-east-1";
/// The key of the demo account `demo-key`.
pub const DEMO_API_KEY: &str = "ksk_simulated_demo_key";
/// The profile all Social accounts share; it comes with the refresh.
pub const SOCIAL_PROFILE_ARN: &str = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";
/// The profile of the demo account `demo-idc`; only the list of profiles tells it.
pub const DEMO_IDC_PROFILE_ARN: &str = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL";

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its name in records, faults and issued tokens.
    pub label: String,
    /// How it signs in.
    pub kind: Kind,
    /// The refresh token it begins with, or the API key.
    pub secret: String,
    /// The profile that comes with a refresh.
    #[serde(default)]
    pub profile_arn: Option<String>,
    /// The profiles in `ListAvailableProfiles`.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Suspended by the provider: every call gets 403 `TEMPORARILY_SUSPENDED`.
    #[serde(default)]
    pub suspended: bool,
    /// Credits.
    #[serde(default)]
    pub usage: Usage,
}

/// How an account signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Google or GitHub: `/refreshToken`.
    Social,
    /// IAM Identity Center or Builder ID: `/token`.
    Idc {
        /// The registration the refresh token is bound to.
        client_id: String,
        /// Its secret.
        client_secret: String,
        /// The region of the registration.
        region: String,
    },
    /// A `ksk_…` key.
    ApiKey,
}

impl Account {
    /// A Social account with the shared profile.
    pub fn social(label: &str, refresh_token: &str) -> Self {
        let mut account = Self::new(label, Kind::Social, refresh_token);
        account.profile_arn = Some(SOCIAL_PROFILE_ARN.to_owned());
        account
    }

    /// An IdC account with one listed profile.
    pub fn idc(label: &str, refresh_token: &str, client_id: &str, client_secret: &str, region: &str) -> Self {
        let kind = Kind::Idc {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            region: region.to_owned(),
        };
        let mut account = Self::new(label, kind, refresh_token);
        account.profiles = vec![DEMO_IDC_PROFILE_ARN.to_owned()];
        account
    }

    /// An API key.
    pub fn api_key(label: &str, key: &str) -> Self {
        Self::new(label, Kind::ApiKey, key)
    }

    fn new(label: &str, kind: Kind, secret: &str) -> Self {
        Self {
            label: label.to_owned(),
            kind,
            secret: secret.to_owned(),
            profile_arn: None,
            profiles: Vec::new(),
            suspended: false,
            usage: Usage::default(),
        }
    }

    /// Whether the account may use a profile.
    pub fn owns(&self, arn: &str) -> bool {
        self.profile_arn.as_deref() == Some(arn) || self.profiles.iter().any(|own| own == arn)
    }
}

/// The demo accounts `demo-social`, `demo-idc` and `demo-key`.
pub fn demo() -> Vec<Account> {
    vec![
        Account::social("demo-social", DEMO_SOCIAL_REFRESH_TOKEN),
        Account::idc("demo-idc", DEMO_IDC_REFRESH_TOKEN, DEMO_IDC_CLIENT_ID, DEMO_IDC_CLIENT_SECRET, DEMO_IDC_REGION),
        Account::api_key("demo-key", DEMO_API_KEY),
    ]
}

/// The accounts in the form of `KIRO_AUTH_TOKEN`, so that a gateway can be configured with them. IdC accounts come without a
/// profile, as they do in practice: the list of profiles tells it.
pub fn credentials(accounts: &[Account]) -> Value {
    let entry = |account: &Account| match &account.kind {
        Kind::Social => json!({ "auth": "Social", "label": account.label, "refreshToken": account.secret }),
        Kind::Idc { client_id, client_secret, region } => json!({
            "auth": "IdC", "label": account.label, "refreshToken": account.secret,
            "clientId": client_id, "clientSecret": client_secret, "region": region
        }),
        Kind::ApiKey => json!({ "auth": "ApiKey", "label": account.label, "apiKey": account.secret }),
    };
    accounts.iter().map(entry).collect()
}

/// An account's credits, in the shape `getUsageLimits` reports them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Credits of the plan.
    pub limit: f64,
    /// Credits used before the server started.
    pub current: f64,
    /// A free trial: credits, used credits, whether it is active.
    pub trial: Option<Grant>,
    /// Bonuses.
    pub bonuses: Vec<Grant>,
    /// Whether the account keeps working beyond its limit.
    pub overage: bool,
    /// Optional members are absent instead of `null`.
    pub sparse: bool,
    /// Epoch seconds with a fraction.
    pub fractional_times: bool,
    /// When the credits come back, in epoch seconds.
    pub next_reset: i64,
    /// The account's address, told only when asked for.
    pub email: String,
    /// Replaces the whole answer.
    pub raw: Option<Value>,
}

/// Credits beside the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// All of them.
    pub limit: f64,
    /// The used ones.
    pub current: f64,
    /// `ACTIVE` or not.
    pub active: bool,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            limit: 1000.0,
            current: 123.45,
            trial: None,
            bonuses: Vec::new(),
            overage: false,
            sparse: false,
            fractional_times: false,
            next_reset: 1_798_761_600,
            email: "user@example.com".to_owned(),
            raw: None,
        }
    }
}

impl Usage {
    /// A plan without a credit left.
    pub fn exhausted() -> Self {
        Self { current: 1000.0, ..Self::default() }
    }

    /// Whether a call is refused for want of credits; `spent` were used since the server started.
    pub fn is_exhausted(&self, spent: f64) -> bool {
        let trial = self
            .trial
            .iter()
            .chain(&self.bonuses)
            .filter(|grant| grant.active)
            .map(|grant| (grant.limit - grant.current).max(0.0));
        !self.overage && (self.limit - self.current).max(0.0) + trial.sum::<f64>() - spent <= 0.0
    }

    /// The body of `getUsageLimits`.
    pub fn encode(&self, spent: f64, with_email: bool, label: &str) -> Value {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let reset = if self.fractional_times { json!(self.next_reset as f64 + 0.5) } else { json!(self.next_reset) };
        let mut body = json!({
            "daysUntilReset": 12,
            "nextDateReset": reset,
            "overageConfiguration": { "overageStatus": if self.overage { "ENABLED" } else { "DISABLED" }, "overageLimit": null },
            "subscriptionInfo": {
                "type": "Q_DEVELOPER_STANDALONE_PRO", "subscriptionTitle": "KIRO PRO", "overageCapability": "OVERAGE_CAPABLE",
                "upgradeCapability": "UPGRADE_CAPABLE", "subscriptionManagementTarget": "MANAGE"
            },
            "usageBreakdownList": [self.breakdown(spent, &reset)],
            "userInfo": { "userId": format!("d-0000000000.{label}"), "email": if with_email { json!(self.email) } else { Value::Null } }
        });
        if let (false, Some(members)) = (self.sparse, body.as_object_mut()) {
            for (name, value) in [("limits", json!([])), ("totalUsage", Value::Null), ("usageBreakdown", Value::Null)] {
                members.insert(name.to_owned(), value);
            }
        }
        body
    }

    fn breakdown(&self, spent: f64, reset: &Value) -> Value {
        let current = self.current + spent;
        let over = (current - self.limit).max(0.0);
        let mut entry = json!({
            "resourceType": "CREDIT", "displayName": "Credit", "displayNamePlural": "Credits", "unit": "INVOCATIONS",
            "usageLimit": self.limit.floor() as i64, "usageLimitWithPrecision": self.limit,
            "currentUsage": current.floor() as i64, "currentUsageWithPrecision": current,
            "currentOverages": over.floor() as i64, "currentOveragesWithPrecision": over,
            "overageCap": 10_000, "overageCapWithPrecision": 10_000.0, "overageCharges": 0.0, "overageRate": 0.04,
            "currency": "USD", "nextDateReset": reset
        });
        let Some(members) = entry.as_object_mut() else {
            return entry;
        };
        let trial = self.trial.as_ref().map(|trial| {
            json!({
                "freeTrialStatus": if trial.active { "ACTIVE" } else { "EXPIRED" }, "freeTrialExpiry": 1_800_000_000.5,
                "usageLimit": trial.limit.floor() as i64, "usageLimitWithPrecision": trial.limit,
                "currentUsage": trial.current.floor() as i64, "currentUsageWithPrecision": trial.current
            })
        });
        let bonuses: Vec<Value> = self.bonuses.iter().map(bonus).collect();
        if trial.is_some() || !self.sparse {
            members.insert("freeTrialInfo".to_owned(), json!(trial));
        }
        if !bonuses.is_empty() || !self.sparse {
            members.insert("bonuses".to_owned(), json!(bonuses));
        }
        entry
    }
}

fn bonus(grant: &Grant) -> Value {
    json!({
        "bonusCode": "WELCOME", "displayName": "Welcome", "description": "A simulated bonus.",
        "status": if grant.active { "ACTIVE" } else { "EXPIRED" },
        "usageLimit": grant.limit, "currentUsage": grant.current, "redeemedAt": 1_775_000_000, "expiresAt": 1_800_000_000
    })
}
